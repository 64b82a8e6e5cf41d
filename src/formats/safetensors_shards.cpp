#include "formats/safetensors_shards.h"

#include <fmt/format.h>

#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/try.h"
#include "formats/gguf_value.h"
#include "formats/json_text.h"

namespace eddy {
namespace {

constexpr std::size_t kMaxFiles = 4096;

using Names = std::set<std::string>;

bool is_plain_name(const std::string& name) {
  return name.ends_with(".safetensors") && name.find('/') == name.npos &&
         name.find('\0') == name.npos;
}

// The tensors of each file.
Result<std::map<std::string, Names>> read_index(FileSystem& fs, const std::string& path) {
  EDDY_TRY_ASSIGN(const nlohmann::json index, read_json(fs, path));
  const auto weights = index.is_object() ? index.find("weight_map") : index.end();
  if (weights == index.end() || !weights->is_object()) {
    return fail(ErrorCode::kMalformed, "{}: weight_map: missing, expected an object", path);
  }
  std::map<std::string, Names> files;
  for (const auto& [tensor, file] : weights->items()) {
    const auto* name = file.get_ptr<const std::string*>();
    if (!name || !is_plain_name(*name)) {
      return fail(ErrorCode::kMalformed, "{}: {}: {}, expected the name of a .safetensors file",
                  path, printable(tensor), name ? printable(*name) : file.type_name());
    }
    files[*name].insert(tensor);
  }
  if (!files.empty() && files.size() <= kMaxFiles) return files;
  return fail(ErrorCode::kMalformed, "{}: weight_map: {} files, expected 1 .. {}", path,
              files.size(), kMaxFiles);
}

Status check_names(const Safetensors& file, const std::string& path, const Names& expected) {
  for (const SafeTensor& tensor : file.tensors()) {
    if (expected.contains(tensor.name)) continue;
    return fail(ErrorCode::kMalformed, "{}: {}: not in this file by the index", path,
                printable(tensor.name));
  }
  for (const std::string& name : expected) {
    if (file.find(name)) continue;
    return fail(ErrorCode::kMalformed, "{}: {}: missing, the index has it in this file", path,
                printable(name));
  }
  return {};
}

}  // namespace

Result<Safetensors> SafetensorsShards::open(FileSystem& fs, const std::string& folder,
                                            const std::string& path) {
  EDDY_TRY_ASSIGN(const auto files, read_index(fs, path));
  Safetensors whole;
  for (const auto& [name, tensors] : files) {
    const std::string file_path = fmt::format("{}/{}", folder, name);
    EDDY_TRY_ASSIGN(Safetensors file, Safetensors::open(fs, file_path));
    EDDY_TRY(check_names(file, file_path, tensors));
    std::ranges::move(file.tensors_, std::back_inserter(whole.tensors_));
    std::ranges::move(file.files_, std::back_inserter(whole.files_));
  }
  whole.index();
  return whole;
}

Result<Safetensors> Safetensors::open_model(FileSystem& fs, const std::string& folder) {
  auto file = open(fs, fmt::format("{}/model.safetensors", folder));
  if (file || file.error().code != ErrorCode::kNotFound) return file;
  const std::string index = fmt::format("{}/model.safetensors.index.json", folder);
  const auto found = MappedFile::open(fs, index);
  // Where there is neither, the one that most folders have is what is missing.
  if (!found && found.error().code == ErrorCode::kNotFound) return file;
  return SafetensorsShards::open(fs, folder, index);
}

}  // namespace eddy
