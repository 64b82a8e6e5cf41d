// SQLite, as far as eddy uses it: results instead of codes, handles that close themselves.
//
// Threading: one thread uses a connection and its statements.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "eddy/result.h"

namespace eddy {

// The kind of an SQLite failure: kMalformed (the file is damaged), kBusy, kOutOfMemory or kIo.
ErrorCode sql_error_code(int code);

// A prepared statement. Must not outlive its connection, which keeps it at its end for the next
// use.
class SqlStatement {
 public:
  // Parameters count from 1. Texts and blobs outlive the next step().
  SqlStatement& bind(int i, std::int64_t value);
  SqlStatement& bind(int i, std::string_view text);
  SqlStatement& bind(int i, std::span<const std::byte> blob);

  // Whether there is a row.
  Result<bool> step();
  // Runs to the end.
  Status run();

  // Columns of the row count from 0. Valid until the next step(); of another type than asked for,
  // what SQLite converts it to.
  std::int64_t integer(int i) const;
  std::string_view text(int i) const;
  std::span<const std::byte> blob(int i) const;

 private:
  friend class SqlConnection;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using Owned = std::unique_ptr<sqlite3_stmt, Finalize>;
  using Idle = std::unordered_map<const char*, Owned>;  // by text
  // Puts a statement back into its place among the idle ones, ready to be run again.
  struct Return {
    Owned* place = nullptr;
    void operator()(sqlite3_stmt* statement) const;
  };
  SqlStatement(sqlite3_stmt* statement, Owned& place, const std::string* path)
      : statement_(statement, Return{&place}), path_(path) {}

  void note(int code);

  std::unique_ptr<sqlite3_stmt, Return> statement_;
  const std::string* path_;
  int bound_ = 0;  // the first binding's failure; SQLITE_OK
};

class SqlConnection {
 public:
  // An existing file. kIo, kOutOfMemory.
  static Result<SqlConnection> open(const std::string& path);

  // kMalformed: the file is damaged; kBusy: others hold it for longer than a few seconds; kIo,
  // kOutOfMemory. Messages name the file.
  Status run(const char* sql);
  // `sql`, and whatever follows, is a literal: it is parsed once, and known by its address.
  Result<SqlStatement> prepare(const char* sql);

  // The first column of a query of one row.
  Result<std::int64_t> integer(const char* sql);
  Result<std::string> text(const char* sql);

 private:
  struct Close {
    void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
  };
  SqlConnection(sqlite3* connection, std::string path)
      : path_(std::make_unique<std::string>(std::move(path))),
        connection_(connection),
        idle_(std::make_unique<SqlStatement::Idle>()) {}

  std::unique_ptr<std::string> path_;  // statements point to it
  std::unique_ptr<sqlite3, Close> connection_;
  std::unique_ptr<SqlStatement::Idle> idle_;  // and into it
};

}  // namespace eddy
