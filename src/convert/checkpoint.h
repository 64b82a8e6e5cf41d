// A folder with a model as it was published: config.json and the tensors.
//
// Threading: immutable.
#pragma once

#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "convert/rules.h"
#include "eddy/result.h"
#include "formats/safetensors.h"

namespace eddy::convert {

class Checkpoint {
 public:
  // kNotFound, kIo, kMalformed; kUnsupported: a family that is not known. fs outlives it.
  static Result<Checkpoint> open(FileSystem& fs, const std::string& folder);

  FileSystem& fs() const { return *fs_; }
  const std::string& folder() const { return folder_; }
  std::string path(std::string_view file) const;
  const Family& family() const { return *family_; }

  // By name, without the "model." that some checkpoints put before all of them.
  const std::map<std::string, const SafeTensor*, std::less<>>& tensors() const { return tensors_; }
  const SafeTensor* find(std::string_view name) const;

  // --- config.json ------------------------------------------------------------------------------
  const nlohmann::json& config() const { return config_; }
  // The first of these keys that is there and not null; nullopt: none. kMalformed: another type, or
  // no integer of 0 .. 2^31 - 1; the message starts with the file and the key.
  Result<std::optional<std::int64_t>> integer(std::initializer_list<std::string_view> keys) const;
  Result<std::optional<double>> number(std::initializer_list<std::string_view> keys) const;
  Result<std::optional<bool>> flag(std::string_view key) const;
  // architectures[0] and model_type; "": there is none.
  std::string architecture() const;
  std::string model_type() const;

  // Layers: as config.json says, else those that tensors name. 1 .. 512.
  Result<std::int64_t> n_layer() const;

 private:
  Checkpoint() = default;

  Status find_family();

  FileSystem* fs_ = nullptr;
  std::string folder_;
  nlohmann::json config_;
  std::optional<Safetensors> file_;
  std::map<std::string, const SafeTensor*, std::less<>> tensors_;
  const Family* family_ = nullptr;
};

}  // namespace eddy::convert
