// Serialised states from a hostile source, with and without checksums.
//
// The first byte chooses: bit 0, checksums are made good before the bytes are read (so that the
// fuzzer gets past them); bit 1, checksums are ignored; bit 2, one sequence or all. Oracle: what is
// refused changes nothing; what is installed is written back as the same bytes, sealed.
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "../tests/memory/support/state_bytes.h"
#include "memory/recurrent_memory.h"
#include "require.h"

namespace {

using namespace eddy;
using eddy::test::reseal;

class HostDevice final : public Device {
 public:
  std::string_view name() const override { return "host"; }
  const BufferType& buffer_type() const override { return host_buffer_type(); }
};

std::unique_ptr<RecurrentMemory> make_memory(const Device& device) {
  auto made = RecurrentMemory::create({.layout = {.layers = {{3, 2}, {}, {2, 0}}},
                                       .layer_devices = {&device, &device, &device},
                                       .type_s = DType::kF16,
                                       .mem_size = 3,
                                       .n_seq_max = 4,
                                       .n_ubatch_max = 4,
                                       .filter = {},
                                       .identity = {}});
  require(made.ok(), "create");
  return std::move(*made);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const HostDevice device;
  static const std::unique_ptr<RecurrentMemory> memory = make_memory(device);
  if (size < 1) return 0;
  const std::uint8_t how = data[0];
  const auto input = std::as_bytes(std::span(data + 1, size - 1));
  std::vector<std::byte> bytes(input.begin(), input.end());
  const auto seq = how & 4 ? std::optional(SeqId(1)) : std::nullopt;
  if (how & 1) reseal(bytes);

  require(memory->clear(true).ok(), "clear");
  const auto read =
      memory->state_read(bytes, seq, how & 2 ? Checksums::kIgnore : Checksums::kVerify);
  require(memory->check().ok(), "check");
  if (!read.ok()) {
    require(memory->n_free_cells() == memory->mem_size(), "a refusal changed something");
    return 0;
  }
  const auto written = memory->state_write(seq);
  require(written.ok(), "what was installed cannot be written");
  reseal(bytes);
  require(*written == bytes, "what was installed is written differently");
  return 0;
}
