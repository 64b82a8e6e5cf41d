// A second device for tests: its own buffer type, whose bytes the host cannot address (host() is
// nullptr, and what is stored is scrambled, so whoever finds it reads nonsense), and a host type
// that counts. Both count the calls that touch bytes, and can refuse to allocate.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "tensor/buffer.h"

namespace eddy::test {

struct BufferCounts {
  int n_allocated = 0;
  int n_read = 0;
  int n_written = 0;
  int n_zeroed = 0;
  int n_touched() const { return n_read + n_written + n_zeroed; }
};

class TestBufferType final : public BufferType {
 public:
  explicit TestBufferType(std::string name, bool is_host, std::uint64_t alignment = 64)
      : name_(std::move(name)), is_host_(is_host), alignment_(alignment) {}

  std::string_view name() const override { return name_; }
  bool is_host() const override { return is_host_; }
  std::uint64_t alignment() const override { return alignment_; }
  Result<std::unique_ptr<Buffer>> allocate(std::uint64_t n_bytes) const override;

  mutable BufferCounts counts;
  bool refuses = false;
  std::byte wiped{0};  // what zero() leaves behind: another value shows who reads it
  std::uint64_t n_bytes_max = std::uint64_t{1} << 32;  // what a single allocation can have

 private:
  std::string name_;
  bool is_host_;
  std::uint64_t alignment_;
};

class TestBuffer final : public Buffer {
 public:
  TestBuffer(const TestBufferType& type, std::uint64_t n_bytes)
      : Buffer(type, n_bytes), type_(type), bytes_(n_bytes + 64, key()) {}

  std::byte* host() noexcept override { return type_.is_host() ? first() : nullptr; }

  void read(std::uint64_t offset, std::span<std::byte> out) const noexcept override {
    check(offset, out.size());
    ++type_.counts.n_read;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = first()[offset + i] ^ key();
  }
  void write(std::uint64_t offset, std::span<const std::byte> in) noexcept override {
    check(offset, in.size());
    ++type_.counts.n_written;
    for (std::size_t i = 0; i < in.size(); ++i) first()[offset + i] = in[i] ^ key();
  }
  void zero(std::uint64_t offset, std::uint64_t n_bytes) noexcept override {
    check(offset, n_bytes);
    ++type_.counts.n_zeroed;
    std::memset(first() + offset, std::to_integer<int>(type_.wiped ^ key()), n_bytes);
  }

 private:
  std::byte key() const { return type_.is_host() ? std::byte{0} : std::byte{0xA5}; }
  std::byte* first() const {
    const auto address = reinterpret_cast<std::uintptr_t>(bytes_.data());
    return const_cast<std::byte*>(bytes_.data()) + (64 - address % 64) % 64;
  }
  void check(std::uint64_t offset, std::uint64_t n) const noexcept {
    if (offset > n_bytes() || n > n_bytes() - offset) std::terminate();
  }

  const TestBufferType& type_;
  std::vector<std::byte> bytes_;
};

inline Result<std::unique_ptr<Buffer>> TestBufferType::allocate(std::uint64_t n_bytes) const {
  if (refuses || n_bytes > n_bytes_max) {
    return fail(ErrorCode::kOutOfMemory, "{}: {} bytes", name_, n_bytes);
  }
  ++counts.n_allocated;
  return std::unique_ptr<Buffer>(std::make_unique<TestBuffer>(*this, n_bytes));
}

class TestDevice final : public Device {
 public:
  explicit TestDevice(std::string name, bool is_host, std::uint64_t alignment = 64)
      : name_(name), type(name + " memory", is_host, alignment) {}
  std::string_view name() const override { return name_; }
  const BufferType& buffer_type() const override { return type; }

 private:
  std::string name_;

 public:
  TestBufferType type;
};

}  // namespace eddy::test
