#include "convert/support/built_checkpoint.h"

#include <fmt/format.h>

#include <cstring>
#include <random>

#include "base/half.h"

namespace eddy::test {
namespace {

using nlohmann::json;

std::string encoded(const std::vector<float>& values, const std::string& dtype) {
  std::string bytes;
  const auto put = [&](auto value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  for (const float value : values) {
    if (dtype == "F32") put(value);
    if (dtype == "F16") put(f32_to_f16(value));
    if (dtype == "BF16") put(f32_to_bf16(value));
  }
  return bytes;
}

}  // namespace

void BuiltCheckpoint::add_random(const std::string& name, std::vector<std::int64_t> shape,
                                 float low, float high) {
  std::size_t n = 1;
  for (const std::int64_t extent : shape) n *= static_cast<std::size_t>(extent);
  std::mt19937 random(static_cast<std::uint32_t>(tensors.size() + 1));
  std::uniform_real_distribution<float> values(low, high);
  HfTensor& tensor = tensors[name];
  tensor.shape = std::move(shape);
  tensor.values.resize(n);
  for (float& value : tensor.values) value = values(random);
}

std::string BuiltCheckpoint::write() const {
  std::vector<json> headers(static_cast<std::size_t>(n_files), json::object());
  std::vector<std::string> data(headers.size());
  json index = {{"weight_map", json::object()}};
  const auto file_name = [&](std::size_t i) {
    return n_files == 1 ? std::string("model.safetensors") : fmt::format("model-{}.safetensors", i);
  };
  std::size_t i = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t file = i++ % headers.size();
    const std::size_t first = data[file].size();
    data[file] += encoded(tensor.values, dtype);
    headers[file][name] = {
        {"dtype", dtype}, {"shape", tensor.shape}, {"data_offsets", {first, data[file].size()}}};
    index["weight_map"][name] = file_name(file);
  }
  for (std::size_t file = 0; file < headers.size(); ++file) {
    const std::string header = headers[file].dump();
    const std::uint64_t n = header.size();
    std::string bytes(reinterpret_cast<const char*>(&n), sizeof n);
    folder_.put(file_name(file), bytes + header + data[file]);
  }
  if (n_files > 1) folder_.put("model.safetensors.index.json", index.dump());
  folder_.put("config.json", config.dump());
  for (const auto& [name, content] : files) folder_.put(name, content);
  return folder_.path();
}

std::vector<float> floats_of(const GgufTensor& tensor) {
  const std::size_t n_bytes = tensor.type == DType::kF32 ? 4 : 2;
  std::vector<float> values(tensor.data.size() / n_bytes);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t half = 0;
    const std::byte* const from = &tensor.data[i * n_bytes];
    if (tensor.type == DType::kF32) std::memcpy(&values[i], from, 4);
    if (tensor.type != DType::kF32) std::memcpy(&half, from, 2);
    if (tensor.type == DType::kF16) values[i] = f16_to_f32(half);
    if (tensor.type == DType::kBF16) values[i] = bf16_to_f32(half);
  }
  return values;
}

json tokenizer_json_of(const GgufFile& file) {
  const auto texts = *file.get<std::vector<std::string_view>>("tokenizer.ggml.tokens");
  const auto types = *file.get<std::vector<std::int32_t>>("tokenizer.ggml.token_type");
  json vocab = json::object(), added = json::array();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string text(texts[i]);
    if (types[i] == 1) vocab[text] = i;
    if (types[i] == 3) added.push_back({{"id", i}, {"content", text}, {"special", true}});
  }
  return {{"added_tokens", added},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
          {"model",
           {{"type", "BPE"},
            {"vocab", vocab},
            {"merges", *file.get<std::vector<std::string_view>>("tokenizer.ggml.merges")}}}};
}

}  // namespace eddy::test
