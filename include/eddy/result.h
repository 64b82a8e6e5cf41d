// Errors as values. Everything that a file, a request, a state or an argument can cause is reported
// through Result<T> or Status; nothing in eddy throws, and aborts are for our own mistakes alone.
//
//   Result<Model> model = Model::open(path);
//   if (!model) return model.error();
//
// Threading: values; no shared state.
#pragma once

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace eddy {

// What kind of thing went wrong. Callers branch on the code and show the message.
enum class ErrorCode {
  kInvalidArgument,  // an argument outside its documented range
  kNotFound,         // no such file, key, tensor, sequence
  kIo,               // the operating system refused or cut an I/O call
  kMalformed,        // bytes that break the rules of their format
  kUnsupported,      // well-formed, but beyond what this version computes
  kMismatch,         // well-formed, but made for another model, type or version
  kBusy,             // another process or object holds what only one may hold
  kFull,             // no free cell, sequence or micro-batch room; nothing has changed
  kOutOfMemory,      // an allocation failed; nothing has changed
  kOutOfWindow,      // a past state that is no longer kept
  kStateLost,        // a computation failed inside a micro-batch; the sequence must be recomputed
  kCancelled,        // stopped on request, between micro-batches
  kNonFinite,        // NaN or infinity in logits or state
};

// "malformed", "full", ...: the code's stable lower-case name.
std::string_view error_code_name(ErrorCode code);

// What, where, what was found and what was expected, as one sentence without a final stop:
// "model.gguf: blk.3.ssm_a: shape {16, 1024}, expected {16, 1536}".
struct Error {
  ErrorCode code;
  std::string message;
};

// A T or an Error.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : value_(std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return value_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return assert(ok()), std::get<0>(value_); }
  const T& value() const& { return assert(ok()), std::get<0>(value_); }
  T&& value() && { return assert(ok()), std::get<0>(std::move(value_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { return assert(!ok()), std::get<1>(value_); }
  Error&& error() && { return assert(!ok()), std::get<1>(std::move(value_)); }

 private:
  std::variant<T, Error> value_;
};

// Success or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}  // NOLINT: implicit by design

  bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const& { return assert(failed_), error_; }
  Error&& error() && { return assert(failed_), std::move(error_); }

 private:
  Error error_{};
  bool failed_ = false;
};

using Status = Result<void>;

}  // namespace eddy
