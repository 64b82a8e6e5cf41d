// Where bytes live: a BufferType makes Buffers, a Device names the buffer type it computes on.
//
// Bytes of a buffer are touched through the buffer (read, write, zero) or by the ops of the
// device that owns it. Only a buffer whose type is_host() has a host address; everybody else gets
// nullptr and must not guess.
//
// Threading: different threads may touch disjoint ranges of one buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "eddy/result.h"

namespace eddy {

class BufferType;

// A block of memory of one buffer type, zeroed when made, given back when destroyed.
// Offsets and lengths are bytes and must lie inside the buffer; the three operations cannot fail.
class Buffer {
 public:
  virtual ~Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  const BufferType& type() const { return type_; }
  std::uint64_t n_bytes() const { return n_bytes_; }

  // The address of the first byte, or nullptr where the bytes are not host memory.
  virtual std::byte* host() noexcept = 0;

  virtual void read(std::uint64_t offset, std::span<std::byte> out) const noexcept = 0;
  virtual void write(std::uint64_t offset, std::span<const std::byte> bytes) noexcept = 0;
  virtual void zero(std::uint64_t offset, std::uint64_t n_bytes) noexcept = 0;

 protected:
  Buffer(const BufferType& type, std::uint64_t n_bytes) : type_(type), n_bytes_(n_bytes) {}

 private:
  const BufferType& type_;
  std::uint64_t n_bytes_;
};

// A kind of memory. One object for each kind; compared by address; outlives its buffers.
class BufferType {
 public:
  virtual ~BufferType() = default;
  virtual std::string_view name() const = 0;
  virtual bool is_host() const = 0;
  virtual std::uint64_t alignment() const = 0;  // bytes, a power of two, at least 64

  // n_bytes of zeros; kOutOfMemory if they cannot be had.
  virtual Result<std::unique_ptr<Buffer>> allocate(std::uint64_t n_bytes) const = 0;
};

// Host memory: aligned, zeroed by the operating system page by page on first touch.
const BufferType& host_buffer_type();

// Something that computes: its name and the buffer type that its ops work on.
class Device {
 public:
  virtual ~Device() = default;
  virtual std::string_view name() const = 0;
  virtual const BufferType& buffer_type() const = 0;
};

}  // namespace eddy
