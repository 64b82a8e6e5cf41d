#include "convert/checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/try.h"
#include "convert/names.h"
#include "formats/gguf_value.h"
#include "formats/json_text.h"

namespace eddy::convert {
namespace {

using nlohmann::json;

constexpr std::string_view kConfig = "config.json";

// The first of the keys with a value that is not null; also in the objects that some versions put
// a part of them into.
std::pair<std::string_view, const json*> find_value(const json& config,
                                                    std::initializer_list<std::string_view> keys) {
  for (const char* const part : {"", "ssm_cfg", "rope_parameters"}) {
    const auto nested = config.find(part);
    const json& object = *part == 0 || nested == config.end() ? config : *nested;
    if (!object.is_object()) continue;
    for (const std::string_view key : keys) {
      const auto found = object.find(key);
      if (found != object.end() && !found->is_null()) return {key, &*found};
    }
  }
  return {};
}

}  // namespace

Result<Checkpoint> Checkpoint::open(FileSystem& fs, const std::string& folder) {
  Checkpoint checkpoint;
  checkpoint.fs_ = &fs;
  checkpoint.folder_ = folder;
  EDDY_TRY_ASSIGN(checkpoint.config_, read_json(fs, checkpoint.path(kConfig)));
  if (!checkpoint.config_.is_object()) {
    return fail(ErrorCode::kMalformed, "{}: {}, expected an object", checkpoint.path(kConfig),
                checkpoint.config_.type_name());
  }
  EDDY_TRY_ASSIGN(checkpoint.file_, Safetensors::open_model(fs, folder));
  const bool has_prefix = std::ranges::any_of(
      checkpoint.file_->tensors(),
      [](const SafeTensor& tensor) { return tensor.name.starts_with("model.backbone."); });
  for (const SafeTensor& tensor : checkpoint.file_->tensors()) {
    std::string name = tensor.name;
    if (has_prefix && name.starts_with("model.")) name.erase(0, 6);
    checkpoint.tensors_.emplace(std::move(name), &tensor);
  }
  EDDY_TRY(checkpoint.find_family());
  return checkpoint;
}

std::string Checkpoint::path(std::string_view file) const {
  return fmt::format("{}/{}", folder_, file);
}

const SafeTensor* Checkpoint::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : found->second;
}

std::string Checkpoint::model_type() const {
  const auto found = config_.find("model_type");
  const auto* type = found == config_.end() ? nullptr : found->get_ptr<const std::string*>();
  return type ? *type : std::string();
}

std::string Checkpoint::architecture() const {
  const auto found = config_.find("architectures");
  if (found == config_.end() || !found->is_array() || found->empty()) return {};
  const auto* name = found->front().get_ptr<const std::string*>();
  return name ? *name : std::string();
}

// The names of the tensors tell the family; what config.json says must agree.
Status Checkpoint::find_family() {
  const auto found = std::ranges::find_if(
      families(), [&](const Family& family) { return find(family.marker) != nullptr; });
  const std::string name = architecture();
  if (found == families().end()) {
    std::vector<std::string_view> known;
    for (const Family& family : families()) known.push_back(family.architecture);
    known.erase(std::unique(known.begin(), known.end()), known.end());
    return fail(ErrorCode::kUnsupported, "{}: tensors of {}, expected a model of {}", folder_,
                name.empty() ? "an unknown architecture" : printable(name), fmt::join(known, ", "));
  }
  family_ = &*found;
  if (name.empty() ||
      std::ranges::find(family_->configurations, name) != family_->configurations.end()) {
    return {};
  }
  return fail(ErrorCode::kUnsupported, "{}: architectures: \"{}\", expected one of {}",
              path(kConfig), printable(name), fmt::join(family_->configurations, ", "));
}

Result<std::optional<std::int64_t>> Checkpoint::integer(
    std::initializer_list<std::string_view> keys) const {
  const auto [key, value] = find_value(config_, keys);
  if (!value) return std::optional<std::int64_t>();
  if (value->is_number_unsigned() && value->get<std::uint64_t>() <= INT32_MAX) {
    return std::optional(value->get<std::int64_t>());
  }
  return fail(ErrorCode::kMalformed, "{}: {}: {}, expected an integer from 0 to 2^31 - 1",
              path(kConfig), key, printable(value->dump(-1, ' ', true)));
}

Result<std::optional<double>> Checkpoint::number(
    std::initializer_list<std::string_view> keys) const {
  const auto [key, value] = find_value(config_, keys);
  if (!value) return std::optional<double>();
  if (value->is_number()) return std::optional(value->get<double>());
  return fail(ErrorCode::kMalformed, "{}: {}: {}, expected a number", path(kConfig), key,
              value->type_name());
}

Result<std::optional<bool>> Checkpoint::flag(std::string_view key) const {
  const auto [found, value] = find_value(config_, {key});
  if (!value) return std::optional<bool>();
  if (value->is_boolean()) return std::optional(value->get<bool>());
  return fail(ErrorCode::kMalformed, "{}: {}: {}, expected a bool", path(kConfig), found,
              value->type_name());
}

Result<std::int64_t> Checkpoint::n_layer() const {
  EDDY_TRY_ASSIGN(auto n, integer({"num_hidden_layers", "n_layer", "n_layers"}));
  if (!n) {
    const auto& pattern = layer_pattern(*family_);
    for (n = 0; *n <= 512 && find(with_layer(pattern, *n)); ++*n) {
    }
  }
  if (*n >= 1 && *n <= 512) return *n;
  return fail(ErrorCode::kUnsupported, "{}: {} layers, expected 1 .. 512", folder_, *n);
}

}  // namespace eddy::convert
