// Folders in the format of transformers, made of floats. Nothing of src/convert/ is used.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/support/temporary_folder.h"
#include "formats/gguf.h"

namespace eddy::test {

struct HfTensor {
  std::vector<std::int64_t> shape;  // the last extent contiguous
  std::vector<float> values;
};

using HfTensors = std::map<std::string, HfTensor>;

// A model's folder, removed at the end.
class BuiltCheckpoint {
 public:
  nlohmann::json config = nlohmann::json::object();
  HfTensors tensors;
  std::string dtype = "F32";                 // F32, F16 or BF16
  int n_files = 1;                           // more: sharded
  std::map<std::string, std::string> files;  // others, by name: tokenizer.json, ...

  // Adds a tensor of random values between low and high.
  void add_random(const std::string& name, std::vector<std::int64_t> shape, float low = -1,
                  float high = 1);

  // Writes everything; the folder.
  std::string write() const;

 private:
  TemporaryFolder folder_;
};

// The elements of a tensor of F32, F16 or BF16.
std::vector<float> floats_of(const GgufTensor& tensor);

// A tokenizer.json of byte-level BPE with the vocabulary of a GGUF file.
nlohmann::json tokenizer_json_of(const GgufFile& file);

}  // namespace eddy::test
