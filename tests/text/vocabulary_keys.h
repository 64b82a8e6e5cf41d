// The tokenizer's metadata of a file that a test makes.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/support/fails_with.h"
#include "formats/gguf_writer.h"
#include "text/tokenizer.h"
#include "text/vocabulary_loader.h"

namespace eddy::test {

// The metadata of a file.
class Keys {
 public:
  template <class T>
  Keys& set(const std::string& key, const T& value) {
    entries_["tokenizer.ggml." + key] = [value](GgufWriter& writer, const std::string& full) {
      writer.add(full, value);
    };
    return *this;
  }
  Keys& erase(const std::string& key) {
    entries_.erase("tokenizer.ggml." + key);
    return *this;
  }

  // What `use` makes of the file.
  template <class Use>
  auto with_file(const Use& use) const {
    GgufWriter writer;
    for (const auto& [key, add] : entries_) add(writer, key);
    std::vector<std::byte> bytes;
    const auto sink = [&](std::span<const std::byte> more) -> Status {
      bytes.insert(bytes.end(), more.begin(), more.end());
      return {};
    };
    EXPECT_TRUE(
        succeeds(writer.write(sink, [](std::size_t, const GgufSink&) { return Status(); })));
    const auto file = GgufFile::parse(bytes, "m.gguf");
    EXPECT_TRUE(succeeds(file));
    return use(*file);
  }

  Result<std::unique_ptr<const Tokenizer>> load() const { return with_file(load_tokenizer); }
  Result<Vocabulary> vocabulary() const { return with_file(load_vocabulary); }

 private:
  std::map<std::string, std::function<void(GgufWriter&, const std::string&)>> entries_;
};

}  // namespace eddy::test
