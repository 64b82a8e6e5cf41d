#include "memory/sql.h"

#include "base/error.h"
#include "base/try.h"

namespace eddy {
namespace {

constexpr int kPatienceMs = 5000;

Error sql_error(const std::string& path, int code, const char* message) {
  return fail(sql_error_code(code), "{}: {}", path, message);
}

}  // namespace

ErrorCode sql_error_code(int code) {
  switch (code & 0xff) {  // without what SQLite adds in its extended codes
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA: return ErrorCode::kMalformed;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ErrorCode::kBusy;
    case SQLITE_NOMEM: return ErrorCode::kOutOfMemory;
    default: return ErrorCode::kIo;
  }
}

// Where the text is in use twice at a time, one of the two is let go.
void SqlStatement::Return::operator()(sqlite3_stmt* statement) const {
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  place->reset(statement);
}

void SqlStatement::note(int code) {
  if (bound_ == SQLITE_OK) bound_ = code;
}

SqlStatement& SqlStatement::bind(int i, std::int64_t value) {
  note(sqlite3_bind_int64(statement_.get(), i, value));
  return *this;
}

SqlStatement& SqlStatement::bind(int i, std::string_view text) {
  note(sqlite3_bind_text64(statement_.get(), i, text.data(), text.size(), SQLITE_STATIC,
                           SQLITE_UTF8));
  return *this;
}

SqlStatement& SqlStatement::bind(int i, std::span<const std::byte> blob) {
  note(sqlite3_bind_blob64(statement_.get(), i, blob.data(), blob.size(), SQLITE_STATIC));
  return *this;
}

Result<bool> SqlStatement::step() {
  if (bound_ != SQLITE_OK) return sql_error(*path_, bound_, sqlite3_errstr(bound_));
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return sql_error(*path_, code, sqlite3_errmsg(sqlite3_db_handle(statement_.get())));
}

Status SqlStatement::run() {
  for (;;) {
    EDDY_TRY_ASSIGN(const bool has_row, step());
    if (!has_row) return {};
  }
}

std::int64_t SqlStatement::integer(int i) const {
  return sqlite3_column_int64(statement_.get(), i);
}

std::string_view SqlStatement::text(int i) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), i));
  const auto n = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), i));
  return text == nullptr ? std::string_view() : std::string_view(text, n);
}

std::span<const std::byte> SqlStatement::blob(int i) const {
  const auto* bytes = static_cast<const std::byte*>(sqlite3_column_blob(statement_.get(), i));
  const auto n = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), i));
  return bytes == nullptr ? std::span<const std::byte>() : std::span(bytes, n);
}

Result<SqlConnection> SqlConnection::open(const std::string& path) {
  sqlite3* opened = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  SqlConnection connection(opened, path);
  if (code != SQLITE_OK) return sql_error(path, code, sqlite3_errstr(code));
  sqlite3_busy_timeout(opened, kPatienceMs);
  // The file may be anybody's: no program that stands in it is run.
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  return connection;
}

Status SqlConnection::run(const char* sql) {
  const int code = sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  return sql_error(*path_, code, sqlite3_errmsg(connection_.get()));
}

Result<SqlStatement> SqlConnection::prepare(const char* sql) {
  SqlStatement::Owned& place = (*idle_)[sql];  // stays where it is
  if (place) return SqlStatement(place.release(), place, path_.get());
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(connection_.get(), sql, -1, &statement, nullptr);
  if (code == SQLITE_OK) return SqlStatement(statement, place, path_.get());
  // What we ask is right: a file that does not know our tables is damaged.
  const int cause = code == SQLITE_ERROR ? SQLITE_CORRUPT : code;
  return sql_error(*path_, cause, sqlite3_errmsg(connection_.get()));
}

Result<std::int64_t> SqlConnection::integer(const char* sql) {
  EDDY_TRY_ASSIGN(SqlStatement statement, prepare(sql));
  EDDY_TRY_ASSIGN(const bool has_row, statement.step());
  return has_row ? statement.integer(0) : 0;
}

Result<std::string> SqlConnection::text(const char* sql) {
  EDDY_TRY_ASSIGN(SqlStatement statement, prepare(sql));
  EDDY_TRY_ASSIGN(const bool has_row, statement.step());
  return has_row ? std::string(statement.text(0)) : std::string();
}

}  // namespace eddy
