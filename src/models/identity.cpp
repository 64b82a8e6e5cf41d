#include "models/identity.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/checksum.h"
#include "formats/gguf.h"

namespace eddy {
namespace {

constexpr std::size_t kWholeBytes = 64u << 10;
constexpr std::size_t kPages = 16;
constexpr std::size_t kPageBytes = 4096;

// XXH3 of a sequence of fields; each is preceded by its length, so that none runs into the next.
class Digest {
 public:
  void add(std::span<const std::byte> bytes) {
    const std::uint64_t n = bytes.size();
    checksum_.add(std::as_bytes(std::span(&n, 1)));
    checksum_.add(bytes);
  }
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  template <class T>
  requires std::is_arithmetic_v<T>
  void add(T number) { add(std::as_bytes(std::span(&number, 1))); }

  // XXH3's canonical form: the high half first, each with its highest byte first.
  ModelIdentity identity() const {
    const Digest128 digest = checksum_.sum128();
    ModelIdentity identity;
    static_assert(sizeof identity.bytes == sizeof digest);
    for (std::size_t i = 0; i < 8; ++i) {
      identity.bytes[i] = static_cast<std::uint8_t>(digest.high >> (56 - 8 * i));
      identity.bytes[8 + i] = static_cast<std::uint8_t>(digest.low >> (56 - 8 * i));
    }
    return identity;
  }

 private:
  Checksum checksum_;
};

void add_value(Digest& digest, const GgufValue& value) {
  digest.add(static_cast<std::uint32_t>(gguf_type(value)));
  std::visit(
      [&]<class T>(const T& v) {
        if constexpr (std::is_same_v<T, GgufArray>) {
          digest.add(static_cast<std::uint32_t>(v.type));
          digest.add(v.bytes);
        } else {
          digest.add(v);
        }
      },
      value);
}

void add_bytes(Digest& digest, std::span<const std::byte> bytes) {
  digest.add(std::uint64_t{bytes.size()});
  if (bytes.size() <= kWholeBytes) return digest.add(bytes);
  const std::size_t n_between = (bytes.size() - kPageBytes) / (kPages - 1);
  for (std::size_t i = 0; i + 1 < kPages; ++i) {
    digest.add(bytes.subspan(i * n_between, kPageBytes));
  }
  digest.add(bytes.last(kPageBytes));
}

// Pointers to the rows, in order of the key.
template <class Row>
std::vector<const Row*> sorted(std::span<const Row> rows, std::string_view Row::*key) {
  std::vector<const Row*> order;
  for (const Row& row : rows) order.push_back(&row);
  std::ranges::sort(order, {}, [&](const Row* row) { return row->*key; });
  return order;
}

}  // namespace

ModelIdentity identify(const GgufFile& file) {
  Digest digest;
  const auto architecture = file.get_or<std::string_view>("general.architecture", "");
  const std::string_view name = architecture.ok() ? *architecture : std::string_view();
  digest.add(name);
  for (const GgufEntry* entry : sorted(file.entries(), &GgufEntry::key)) {
    const bool is_hyper_parameter =
        entry->key.starts_with(name) && entry->key.substr(name.size()).starts_with('.');
    if (!is_hyper_parameter) continue;
    digest.add(entry->key);
    add_value(digest, entry->value);
  }
  for (const GgufTensor* tensor : sorted(file.tensors(), &GgufTensor::name)) {
    digest.add(tensor->name);
    digest.add(static_cast<std::uint32_t>(tensor->type));
    for (const std::int64_t extent : tensor->ne) digest.add(extent);
    add_bytes(digest, tensor->data);
  }
  return digest.identity();
}

}  // namespace eddy
