// Sealed bytes and a sealed store: what was sealed comes back with its key, and with nothing else.
#include "memory/seal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/support/fails_with.h"
#include "support/store_worlds.h"

namespace eddy::test {
namespace {

using Bytes = std::vector<std::byte>;

TEST(Seal, ComesBack) {
  for (const std::size_t n : {0u, 1u, 63u, 64u, 65u, 100'000u}) {
    const Bytes bytes = content_of(n, n);
    const Bytes sealed = seal(test_key(), bytes);
    EXPECT_EQ(sealed.size(), n + kSealExtraBytes);
    EXPECT_TRUE(is_sealed(sealed));
    EXPECT_FALSE(is_sealed(bytes));
    const auto back = unseal(test_key(), sealed);
    ASSERT_TRUE(succeeds(back));
    EXPECT_EQ(*back, bytes);
  }
}

TEST(Seal, EqualBytesAreEqualAndOthersShareNothing) {
  const Bytes bytes(1000, std::byte{7});
  EXPECT_EQ(seal(test_key(), bytes), seal(test_key(), bytes));
  Bytes other = bytes;
  other.back() = std::byte{8};
  const Bytes one = seal(test_key(), bytes), two = seal(test_key(), other);
  const Bytes elsewhere = seal(test_key(2), bytes);
  // Of 1040 bytes that have nothing to do with each other about four are equal by chance.
  const auto n_equal = [](const Bytes& a, const Bytes& b) {
    std::size_t n = 0;
    for (std::size_t i = 16; i < a.size(); ++i) n += a[i] == b[i] ? 1 : 0;
    return n;
  };
  EXPECT_LT(n_equal(one, two), 30u);
  EXPECT_LT(n_equal(one, elsewhere), 30u);
}

TEST(Seal, EveryFlippedBitAndEveryCutIsFound) {
  Bytes sealed = seal(test_key(), content_of(3, 50));
  for (std::size_t i = 0; i < sealed.size() * 8; ++i) {
    sealed[i / 8] ^= static_cast<std::byte>(1u << i % 8);
    EXPECT_FALSE(unseal(test_key(), sealed).ok()) << "bit " << i;
    sealed[i / 8] ^= static_cast<std::byte>(1u << i % 8);
  }
  for (std::size_t n = 0; n < sealed.size(); ++n) {
    EXPECT_FALSE(unseal(test_key(), std::span(sealed).first(n)).ok()) << n;
  }
  sealed.push_back(std::byte{0});
  EXPECT_TRUE(fails_with(unseal(test_key(), sealed), ErrorCode::kMalformed));
}

TEST(Seal, AnotherKeyIsRefused) {
  const Bytes sealed = seal(test_key(1), content_of(3, 50));
  EXPECT_TRUE(fails_with(unseal(test_key(2), sealed), ErrorCode::kMalformed, {"another key"}));
  EXPECT_TRUE(fails_with(unseal(test_key(1), content_of(3, 50)), ErrorCode::kMismatch));
}

TEST(Seal, TheWholeKeyFileCounts) {
  const TemporaryFolder folder;
  const Bytes long_key = content_of(5, 64);
  const auto read = [&](std::size_t n) {
    folder.put("key", std::string_view(reinterpret_cast<const char*>(long_key.data()), n));
    return SealKey::read(posix_file_system(), folder.path("key"));
  };
  for (const std::size_t n : {0u, 1u, 31u}) {
    EXPECT_TRUE(fails_with(read(n), ErrorCode::kMalformed, {folder.path("key"), "expected"}));
  }
  const auto shorter = read(32), longer = read(64);
  ASSERT_TRUE(shorter.ok() && longer.ok());
  const Bytes sealed = seal(*longer, content_of(1, 10));
  EXPECT_TRUE(succeeds(unseal(*longer, sealed)));
  EXPECT_FALSE(unseal(*shorter, sealed).ok());
  EXPECT_TRUE(
      fails_with(SealKey::read(posix_file_system(), folder.path("none")), ErrorCode::kNotFound));
}

TEST(SealedStore, NothingOfTheContentIsInTheFolder) {
  const SealedWorld<DirWorld> world;
  auto store = world.open();
  ASSERT_NE(store, nullptr);
  const std::string secret = "what a person has said to a model";
  const auto bytes = std::as_bytes(std::span(secret));
  for (const std::string& name : {std::string("a"), std::string("b")}) {
    ASSERT_TRUE(succeeds(store->put(descriptor(name), bytes)));
  }
  std::size_t n_files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(world.path())) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    EXPECT_EQ(text.find(secret.substr(0, 12)), text.npos) << entry.path();
    n_files += entry.path().extension() == ".state" ? 1 : 0;
  }
  EXPECT_EQ(n_files, 1u);  // equal bytes are kept once
}

TEST(SealedStore, ContentsOfAnotherKindAreRefused) {
  const DirWorld world;
  auto open = world.open();
  ASSERT_TRUE(succeeds(open->put(descriptor("plain"), content_of(1, 100))));
  ASSERT_TRUE(succeeds(open->put(descriptor("other"), seal(test_key(2), content_of(1, 100)))));
  SealedStore store(std::move(open), test_key());
  EXPECT_TRUE(fails_with(store.get("plain"), ErrorCode::kMismatch, {"state plain"}));
  EXPECT_TRUE(fails_with(store.get("other"), ErrorCode::kMalformed, {"state other"}));
}

}  // namespace
}  // namespace eddy::test
