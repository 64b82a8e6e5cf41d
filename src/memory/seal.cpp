#include "memory/seal.h"

#include <sodium.h>

#include <cstring>

#include "base/error.h"
#include "base/little_endian.h"
#include "base/mapped_file.h"
#include "base/try.h"

namespace eddy {
namespace {

constexpr std::string_view kSealMagic = "EDDYSEAL";
constexpr std::uint64_t kSealVersion = 1;
constexpr std::size_t kSealVersionAt = 8;
constexpr std::size_t kSealNonceAt = 16;
constexpr std::size_t kSealTextAt = kSealNonceAt + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
static_assert(kSealTextAt + crypto_aead_xchacha20poly1305_ietf_ABYTES == kSealExtraBytes);

// What a key file's bytes become: a key for each purpose.
constexpr char kPurpose[crypto_kdf_CONTEXTBYTES + 1] = "eddyseal";
constexpr std::uint64_t kForText = 1, kForNonces = 2;

const unsigned char* as_unsigned(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}
unsigned char* as_unsigned(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

}  // namespace

struct SealKey::Secret {
  unsigned char text[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
  unsigned char nonces[crypto_generichash_KEYBYTES];

  Secret() = default;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { sodium_memzero(this, sizeof(*this)); }
};

Result<SealKey> SealKey::read(FileSystem& fs, const std::string& path) {
  EDDY_TRY_ASSIGN(const MappedFile file, MappedFile::open(fs, path));
  auto key = from_bytes(file.bytes());
  if (!key) return prefixed(path, key.error());
  return key;
}

Result<SealKey> SealKey::from_bytes(std::span<const std::byte> bytes) {
  if (sodium_init() < 0) return fail(ErrorCode::kIo, "libsodium finds no random numbers");
  if (bytes.size() < kSealKeyBytes) {
    return fail(ErrorCode::kMalformed, "a key of {} bytes, expected at least {}", bytes.size(),
                kSealKeyBytes);
  }
  auto secret = std::make_shared<Secret>();
  unsigned char master[crypto_kdf_KEYBYTES];
  crypto_generichash(master, sizeof(master), as_unsigned(bytes.data()), bytes.size(), nullptr, 0);
  crypto_kdf_derive_from_key(secret->text, sizeof(secret->text), kForText, kPurpose, master);
  crypto_kdf_derive_from_key(secret->nonces, sizeof(secret->nonces), kForNonces, kPurpose, master);
  sodium_memzero(master, sizeof(master));
  return SealKey(std::move(secret));
}

std::vector<std::byte> seal(const SealKey& key, std::span<const std::byte> bytes) {
  std::vector<std::byte> sealed(bytes.size() + kSealExtraBytes);
  std::memcpy(sealed.data(), kSealMagic.data(), kSealMagic.size());
  store_le(sealed.data() + kSealVersionAt, kSealVersion);
  unsigned char* const all = as_unsigned(sealed.data());
  crypto_generichash(all + kSealNonceAt, kSealTextAt - kSealNonceAt, as_unsigned(bytes.data()),
                     bytes.size(), key.secret_->nonces, sizeof(key.secret_->nonces));
  crypto_aead_xchacha20poly1305_ietf_encrypt(all + kSealTextAt, nullptr, as_unsigned(bytes.data()),
                                             bytes.size(), all, kSealNonceAt, nullptr,
                                             all + kSealNonceAt, key.secret_->text);
  return sealed;
}

Result<std::vector<std::byte>> unseal(const SealKey& key, std::span<const std::byte> sealed) {
  if (!is_sealed(sealed)) return fail(ErrorCode::kMismatch, "not sealed with a key");
  if (sealed.size() < kSealExtraBytes) {
    return fail(ErrorCode::kMalformed, "sealed: {} bytes, fewer than {}", sealed.size(),
                kSealExtraBytes);
  }
  const auto version = load_le<std::uint64_t>(sealed.data() + kSealVersionAt);
  if (version != kSealVersion) {
    return fail(ErrorCode::kMismatch, "sealed: version {}, expected {}", version, kSealVersion);
  }
  std::vector<std::byte> bytes(sealed.size() - kSealExtraBytes);
  const unsigned char* const all = as_unsigned(sealed.data());
  const int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
      as_unsigned(bytes.data()), nullptr, nullptr, all + kSealTextAt, sealed.size() - kSealTextAt,
      all, kSealNonceAt, all + kSealNonceAt, key.secret_->text);
  if (failed != 0) return fail(ErrorCode::kMalformed, "sealed with another key, or damaged");
  return bytes;
}

bool is_sealed(std::span<const std::byte> bytes) {
  return bytes.size() >= kSealMagic.size() &&
         std::memcmp(bytes.data(), kSealMagic.data(), kSealMagic.size()) == 0;
}

}  // namespace eddy
