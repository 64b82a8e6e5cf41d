// Host memory: pages of the operating system, zero until they are first touched.
#include <sys/mman.h>

#include <cstring>
#include <new>

#include "base/checked.h"
#include "base/copy.h"
#include "base/error.h"
#include "tensor/buffer.h"

namespace eddy {
namespace {

constexpr std::uint64_t kPageBytes = 4096;

class HostBuffer final : public Buffer {
 public:
  HostBuffer(const BufferType& type, std::uint64_t n_bytes, std::byte* data)
      : Buffer(type, n_bytes), data_(data) {}
  ~HostBuffer() override { munmap(data_, mapped_bytes(n_bytes())); }

  // The length of a mapping for n_bytes; one page at least. 0 where it does not fit.
  static std::uint64_t mapped_bytes(std::uint64_t n_bytes) {
    return checked_align(n_bytes == 0 ? 1 : n_bytes, kPageBytes).value_or(0);
  }

  std::byte* host() noexcept override { return data_; }

  void read(std::uint64_t offset, std::span<std::byte> out) const noexcept override {
    copy_bytes({data_ + offset, out.size()}, out);
  }
  void write(std::uint64_t offset, std::span<const std::byte> bytes) noexcept override {
    copy_bytes(bytes, {data_ + offset, bytes.size()});
  }
  void zero(std::uint64_t offset, std::uint64_t n_bytes) noexcept override {
    std::memset(data_ + offset, 0, n_bytes);
  }

 private:
  std::byte* data_;
};

class HostBufferType final : public BufferType {
 public:
  std::string_view name() const override { return "host"; }
  bool is_host() const override { return true; }
  std::uint64_t alignment() const override { return 64; }

  Result<std::unique_ptr<Buffer>> allocate(std::uint64_t n_bytes) const override {
    const std::uint64_t n_mapped = HostBuffer::mapped_bytes(n_bytes);
    void* data = n_mapped == 0 ? MAP_FAILED
                               : mmap(nullptr, n_mapped, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) {
      return fail(ErrorCode::kOutOfMemory, "host: {} bytes cannot be had", n_bytes);
    }
    auto* buffer = new (std::nothrow) HostBuffer(*this, n_bytes, static_cast<std::byte*>(data));
    if (!buffer) {
      munmap(data, n_mapped);
      return Error{ErrorCode::kOutOfMemory, "host"};
    }
    return std::unique_ptr<Buffer>(buffer);
  }
};

}  // namespace

const BufferType& host_buffer_type() {
  static const HostBufferType type;
  return type;
}

}  // namespace eddy
