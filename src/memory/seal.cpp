#include "memory/seal.h"

#include <sodium.h>

#include <cstring>

#include "base/error.h"
#include "base/little_endian.h"
#include "base/mapped_file.h"
#include "base/try.h"

namespace eddy {
namespace {

constexpr std::string_view kMagic = "EDDYSEAL";
constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kNonceAt = 16;
constexpr std::size_t kTextAt = kNonceAt + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
static_assert(kTextAt + crypto_aead_xchacha20poly1305_ietf_ABYTES == kSealExtraBytes);

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
  std::memcpy(sealed.data(), kMagic.data(), kMagic.size());
  store_le(sealed.data() + kVersionAt, kVersion);
  unsigned char* const all = as_unsigned(sealed.data());
  crypto_generichash(all + kNonceAt, kTextAt - kNonceAt, as_unsigned(bytes.data()), bytes.size(),
                     key.secret_->nonces, sizeof(key.secret_->nonces));
  crypto_aead_xchacha20poly1305_ietf_encrypt(all + kTextAt, nullptr, as_unsigned(bytes.data()),
                                             bytes.size(), all, kNonceAt, nullptr, all + kNonceAt,
                                             key.secret_->text);
  return sealed;
}

Result<std::vector<std::byte>> unseal(const SealKey& key, std::span<const std::byte> sealed) {
  if (!is_sealed(sealed)) return fail(ErrorCode::kMismatch, "not sealed with a key");
  if (sealed.size() < kSealExtraBytes) {
    return fail(ErrorCode::kMalformed, "sealed: {} bytes, fewer than {}", sealed.size(),
                kSealExtraBytes);
  }
  const auto version = load_le<std::uint64_t>(sealed.data() + kVersionAt);
  if (version != kVersion) {
    return fail(ErrorCode::kMismatch, "sealed: version {}, expected {}", version, kVersion);
  }
  std::vector<std::byte> bytes(sealed.size() - kSealExtraBytes);
  const unsigned char* const all = as_unsigned(sealed.data());
  const int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
      as_unsigned(bytes.data()), nullptr, nullptr, all + kTextAt, sealed.size() - kTextAt, all,
      kNonceAt, all + kNonceAt, key.secret_->text);
  if (failed != 0) return fail(ErrorCode::kMalformed, "sealed with another key, or damaged");
  return bytes;
}

bool is_sealed(std::span<const std::byte> bytes) {
  return bytes.size() >= kMagic.size() &&
         std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

}  // namespace eddy
