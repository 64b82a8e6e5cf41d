#include "memory/state_catalogue.h"

#include <array>
#include <charconv>
#include <cstring>

#include "base/error.h"
#include "base/little_endian.h"
#include "base/try.h"

namespace eddy {
namespace {

constexpr std::int64_t kApplication = 0x45444459;  // "EDDY"
constexpr std::int64_t kCatalogueVersion = 1;

constexpr const char* kSchema =
    "CREATE TABLE state (name TEXT PRIMARY KEY, digest BLOB, model BLOB, position INTEGER,"
    " bytes INTEGER, pinned INTEGER, last_use INTEGER) WITHOUT ROWID;"
    "CREATE INDEX state_by_digest ON state (digest);"
    "CREATE TABLE seal (rows INTEGER, sums INTEGER);"
    "INSERT INTO seal VALUES (0, 0);"
    "PRAGMA application_id = 1162101849;"
    "PRAGMA user_version = 1;";

// What SQLite says of the schema above.
constexpr const char* kDescription =
    "CREATE INDEX state_by_digest ON state (digest)|"
    "CREATE TABLE seal (rows INTEGER, sums INTEGER)|"
    "CREATE TABLE state (name TEXT PRIMARY KEY, digest BLOB, model BLOB, position INTEGER,"
    " bytes INTEGER, pinned INTEGER, last_use INTEGER) WITHOUT ROWID";
constexpr const char* kDescribe =
    "SELECT group_concat(sql, '|') FROM (SELECT sql FROM sqlite_schema WHERE sql NOT NULL"
    " ORDER BY sql)";

// Columns of what all reads ask for.
#define EDDY_SELECT_STATES \
  "SELECT name, digest, model, position, bytes, pinned, last_use FROM state"

const char* pragma_of(Outlives outlives) {
  return outlives == Outlives::kPowerCut ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF";
}

std::array<std::byte, 16> digest_bytes(const Digest128& digest) {
  std::array<std::byte, 16> bytes;
  store_le(bytes.data(), digest.low);
  store_le(bytes.data() + 8, digest.high);
  return bytes;
}

// Of all columns but the last use, which may be forgotten.
std::int64_t row_sum(const StateEntry& entry) {
  std::array<std::byte, 16 + 16 + 8 + 8 + 1 + kStateNameBytes> bytes = {};
  const auto digest = digest_bytes(entry.digest);
  std::memcpy(bytes.data(), digest.data(), 16);
  std::memcpy(bytes.data() + 16, entry.state.model.bytes.data(), 16);
  store_le(bytes.data() + 32, static_cast<std::uint64_t>(entry.state.position));
  store_le(bytes.data() + 40, entry.n_bytes);
  bytes[48] = std::byte{entry.state.is_pinned};
  std::memcpy(bytes.data() + 49, entry.state.name.data(), entry.state.name.size());
  return static_cast<std::int64_t>(
      checksum64(std::span(bytes).first(49 + entry.state.name.size())));
}

// A row of EDDY_SELECT_STATES. kMalformed: what we do not write.
Result<StateEntry> read_row(const SqlStatement& row) {
  StateEntry entry;
  entry.state.name = row.text(0);
  if (!check_state_name(entry.state.name)) {
    return fail(ErrorCode::kMalformed, "a name of {} bytes", entry.state.name.size());
  }
  const auto digest = row.blob(1), model = row.blob(2);
  if (digest.size() != 16 || model.size() != 16) {
    return fail(ErrorCode::kMalformed, "state {}: a digest of {} bytes, a model of {}",
                entry.state.name, digest.size(), model.size());
  }
  entry.digest = {.low = load_le<std::uint64_t>(digest.data()),
                  .high = load_le<std::uint64_t>(digest.data() + 8)};
  std::memcpy(entry.state.model.bytes.data(), model.data(), 16);
  entry.state.position = row.integer(3);
  entry.n_bytes = static_cast<std::uint64_t>(row.integer(4));
  entry.state.is_pinned = row.integer(5) != 0;
  entry.last_use_us = row.integer(6);
  return entry;
}

// Takes a transaction back unless it was committed.
class Transaction {
 public:
  static Result<Transaction> begin(SqlConnection& sql) {
    EDDY_TRY_ASSIGN(SqlStatement begin, sql.prepare("BEGIN IMMEDIATE"));
    EDDY_TRY(begin.run());
    return Transaction(sql);
  }
  ~Transaction() {
    if (sql_ != nullptr) (void)sql_->run("ROLLBACK").ok();  // SQLite may have done it by itself
  }
  Transaction(Transaction&& other) noexcept : sql_(std::exchange(other.sql_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;

  Status commit() {
    EDDY_TRY_ASSIGN(SqlStatement commit, sql_->prepare("COMMIT"));
    EDDY_TRY(commit.run());
    sql_ = nullptr;
    return {};
  }

 private:
  explicit Transaction(SqlConnection& sql) : sql_(&sql) {}
  SqlConnection* sql_;
};

Error damaged(const char* what) { return fail(ErrorCode::kMalformed, "catalogue: {}", what); }

// The check takes a page that cannot be read for a damaged one, and tells only in words why: no
// reason to give up a catalogue.
std::optional<Error> read_failure(std::string_view verdict) {
  constexpr std::string_view kCause = "error code=";
  const std::size_t at = verdict.find(kCause);
  if (at == verdict.npos) return std::nullopt;
  int code = 0;
  const char* const end = verdict.data() + verdict.size();
  std::from_chars(verdict.data() + at + kCause.size(), end, code);
  const ErrorCode cause = sql_error_code(code);
  if (cause == ErrorCode::kMalformed) return std::nullopt;
  return fail(cause, "catalogue: {}: {}", verdict, sqlite3_errstr(code));
}

}  // namespace

Result<std::optional<StateCatalogue>> StateCatalogue::open(const std::string& path,
                                                           Outlives outlives) {
  EDDY_TRY_ASSIGN(SqlConnection sql, SqlConnection::open(path));
  EDDY_TRY(sql.run(pragma_of(outlives)));
  EDDY_TRY_ASSIGN(const std::int64_t n_tables, sql.integer("SELECT count(*) FROM sqlite_schema"));
  if (n_tables == 0) return std::optional<StateCatalogue>();
  StateCatalogue catalogue(std::move(sql));
  EDDY_TRY(catalogue.check());
  return std::optional(std::move(catalogue));
}

Result<StateCatalogue> StateCatalogue::create(const std::string& path,
                                              const std::vector<StateEntry>& entries,
                                              Outlives outlives) {
  EDDY_TRY_ASSIGN(SqlConnection sql, SqlConnection::open(path));
  EDDY_TRY(sql.run(pragma_of(outlives)));
  EDDY_TRY_ASSIGN(const std::string mode, sql.text("PRAGMA journal_mode = WAL"));
  if (mode != "wal") return fail(ErrorCode::kIo, "{}: no write-ahead log: {}", path, mode);
  StateCatalogue catalogue(std::move(sql));
  EDDY_TRY_ASSIGN(Transaction transaction, Transaction::begin(catalogue.sql_));
  EDDY_TRY(catalogue.sql_.run(kSchema));
  EDDY_TRY(catalogue.change_rows({.put = entries}));
  EDDY_TRY(transaction.commit());
  return catalogue;
}

Status StateCatalogue::check() {
  EDDY_TRY(sql_.run("BEGIN"));  // one view of all that is checked
  EDDY_TRY_ASSIGN(const auto version, sql_.integer("PRAGMA user_version"));
  EDDY_TRY_ASSIGN(const auto application, sql_.integer("PRAGMA application_id"));
  if (application == kApplication && version > kCatalogueVersion) {
    return fail(ErrorCode::kUnsupported, "catalogue: version {}, expected {}", version,
                kCatalogueVersion);
  }
  if (application != kApplication || version != kCatalogueVersion)
    return damaged("it is no catalogue");
  EDDY_TRY_ASSIGN(const auto description, sql_.text(kDescribe));
  if (description != kDescription) return damaged("it has other tables");
  EDDY_TRY_ASSIGN(const auto verdict, sql_.text("PRAGMA integrity_check(1)"));
  if (verdict != "ok") return read_failure(verdict).value_or(damaged(verdict.c_str()));
  EDDY_TRY(check_seal());
  return sql_.run("COMMIT");
}

Status StateCatalogue::check_seal() {
  EDDY_TRY_ASSIGN(const auto entries, all());
  std::int64_t sums = 0;
  for (const StateEntry& entry : entries) sums ^= row_sum(entry);
  EDDY_TRY_ASSIGN(const auto n_seals, sql_.integer("SELECT count(*) FROM seal"));
  EDDY_TRY_ASSIGN(const auto n_rows, sql_.integer("SELECT rows FROM seal"));
  EDDY_TRY_ASSIGN(const auto sealed, sql_.integer("SELECT sums FROM seal"));
  if (n_seals == 1 && n_rows == static_cast<std::int64_t>(entries.size()) && sealed == sums) {
    return {};
  }
  return damaged("the seal differs");
}

Result<std::optional<StateEntry>> StateCatalogue::find(const std::string& name) {
  EDDY_TRY_ASSIGN(SqlStatement select, sql_.prepare(EDDY_SELECT_STATES " WHERE name = ?1"));
  EDDY_TRY_ASSIGN(const bool has_row, select.bind(1, name).step());
  if (!has_row) return std::optional<StateEntry>();
  EDDY_TRY_ASSIGN(StateEntry entry, read_row(select));
  return std::optional(std::move(entry));
}

Result<std::vector<StateEntry>> StateCatalogue::all() {
  EDDY_TRY_ASSIGN(SqlStatement select, sql_.prepare(EDDY_SELECT_STATES " ORDER BY name"));
  std::vector<StateEntry> entries;
  for (;;) {
    EDDY_TRY_ASSIGN(const bool has_row, select.step());
    if (!has_row) return entries;
    auto entry = read_row(select);
    if (!entry) return damaged(entry.error().message.c_str());
    entries.push_back(std::move(*entry));
  }
}

Result<bool> StateCatalogue::is_used(const Digest128& digest) {
  EDDY_TRY_ASSIGN(SqlStatement select, sql_.prepare("SELECT 1 FROM state WHERE digest = ?1"));
  const auto bytes = digest_bytes(digest);
  return select.bind(1, bytes).step();
}

Status StateCatalogue::apply(const Change& change) {
  EDDY_TRY_ASSIGN(Transaction transaction, Transaction::begin(sql_));
  EDDY_TRY(change_rows(change));
  return transaction.commit();
}

Status StateCatalogue::change_rows(const Change& change) {
  for (const auto& [name, last_use_us] : change.used) EDDY_TRY(set_use(name, last_use_us));
  for (const std::string& name : change.erased) EDDY_TRY(erase_row(name));
  for (const StateEntry& entry : change.put) EDDY_TRY(put_row(entry));
  return {};
}

Status StateCatalogue::put_row(const StateEntry& entry) {
  EDDY_TRY(unseal(entry.state.name));
  EDDY_TRY_ASSIGN(SqlStatement replace,
                  sql_.prepare("REPLACE INTO state VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
  const auto digest = digest_bytes(entry.digest);
  EDDY_TRY(replace.bind(1, entry.state.name)
               .bind(2, digest)
               .bind(3, std::as_bytes(std::span(entry.state.model.bytes)))
               .bind(4, entry.state.position)
               .bind(5, static_cast<std::int64_t>(entry.n_bytes))
               .bind(6, std::int64_t{entry.state.is_pinned})
               .bind(7, entry.last_use_us)
               .run());
  return change_seal(1, entry);
}

Status StateCatalogue::erase_row(const std::string& name) {
  EDDY_TRY(unseal(name));
  EDDY_TRY_ASSIGN(SqlStatement erase, sql_.prepare("DELETE FROM state WHERE name = ?1"));
  return erase.bind(1, name).run();
}

Status StateCatalogue::set_use(const std::string& name, std::int64_t last_use_us) {
  EDDY_TRY_ASSIGN(SqlStatement update,
                  sql_.prepare("UPDATE state SET last_use = ?2 WHERE name = ?1"));
  return update.bind(1, name).bind(2, last_use_us).run();
}

// Takes the name's row, if there is one, out of the seal.
Status StateCatalogue::unseal(const std::string& name) {
  EDDY_TRY_ASSIGN(const auto old, find(name));
  return old ? change_seal(-1, *old) : Status();
}

Status StateCatalogue::change_seal(std::int64_t n_rows, const StateEntry& entry) {
  EDDY_TRY_ASSIGN(const auto sums, sql_.integer("SELECT sums FROM seal"));
  EDDY_TRY_ASSIGN(SqlStatement update, sql_.prepare("UPDATE seal SET rows = rows + ?1, sums = ?2"));
  return update.bind(1, n_rows).bind(2, sums ^ row_sum(entry)).run();
}

}  // namespace eddy
