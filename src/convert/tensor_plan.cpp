#include "convert/tensor_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "base/error.h"
#include "base/try.h"
#include "convert/names.h"
#include "formats/gguf_value.h"

namespace eddy::convert {
namespace {

constexpr std::string_view kEmbedding = "token_embd.weight", kOutput = "output.weight";
constexpr std::size_t kListed = 200;  // names that an error writes out; the others are counted

std::optional<DType> type_of(SafeType type) {
  switch (type) {
    case SafeType::kF32: return DType::kF32;
    case SafeType::kF16: return DType::kF16;
    case SafeType::kBF16: return DType::kBF16;
    default: return std::nullopt;
  }
}

// "missing a, b"
std::string list_of(const char* what, const std::vector<std::string>& names) {
  if (names.empty()) return {};
  const std::size_t n = std::min(names.size(), kListed);
  std::string text =
      fmt::format("{} {}", what,
                  fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(n), ", "));
  if (n < names.size()) text += fmt::format(" and {} more", names.size() - n);
  return text;
}

bool same_bytes(const SafeTensor& a, const SafeTensor& b) {
  return a.type == b.type && a.shape == b.shape &&
         std::memcmp(a.data.data(), b.data.data(), a.data.size()) == 0;
}

// config.json's block_types, repeated over the layers; a family without them has one kind only.
std::vector<bool> recurrent_layers(const nlohmann::json& config, std::int64_t n_layer) {
  std::vector<bool> recurrent(static_cast<std::size_t>(n_layer), true);
  for (const char* const key : {"block_types", "_block_types"}) {
    const auto types = config.find(key);
    if (types == config.end() || !types->is_array() || types->empty()) continue;
    for (std::size_t il = 0; il < recurrent.size(); ++il) {
      recurrent[il] = (*types)[il % types->size()] != "attention";
    }
    break;
  }
  return recurrent;
}

}  // namespace

Result<TensorPlan> TensorPlan::make(const Checkpoint& checkpoint, std::optional<DType> type) {
  TensorPlan plan(checkpoint);
  EDDY_TRY_ASSIGN(plan.n_layer_, checkpoint.n_layer());
  EDDY_TRY_ASSIGN(const auto n_group, checkpoint.integer({"n_groups", "ngroups"}));
  plan.n_group_ = n_group.value_or(1);
  plan.recurrent_ = recurrent_layers(checkpoint.config(), plan.n_layer_);
  for (const Rule& rule : checkpoint.family().rules) {
    if (!is_per_layer(rule.source)) plan.apply(rule, 0);
  }
  for (std::int64_t il = 0; il < plan.n_layer_; ++il) {
    for (const Rule& rule : checkpoint.family().rules) {
      if (is_per_layer(rule.source) && plan.is_of_layer(rule.layers, il)) plan.apply(rule, il);
    }
  }
  EDDY_TRY(plan.check_names());
  EDDY_TRY(plan.tie_output());
  EDDY_TRY(plan.choose_types(type));
  for (PlannedTensor& planned : plan.tensors_) EDDY_TRY(plan.shape(planned));
  EDDY_TRY(plan.check_layers());
  return plan;
}

bool TensorPlan::is_of_layer(Layers layers, std::int64_t il) const {
  switch (layers) {
    case Layers::kAll: return true;
    case Layers::kFirst: return il == 0;
    case Layers::kLater: return il > 0;
    case Layers::kRecurrent: return is_recurrent(il);
    case Layers::kAttention: return !is_recurrent(il);
  }
  return false;
}

void TensorPlan::apply(const Rule& rule, std::int64_t il) {
  if (rule.letters.empty()) {
    const bool is_optional = rule.target.empty() || rule.target == kOutput;
    const SafeTensor* const source = take(alternatives(rule.source, il), is_optional);
    if (source && !rule.target.empty()) add(rule, il, {source});
    return;
  }
  std::vector<const SafeTensor*> sources;
  for (const std::string& name : stacked_names(rule.source, rule.letters, il)) {
    if (const SafeTensor* const source = take({name}, false)) sources.push_back(source);
  }
  if (sources.size() == rule.letters.size()) add(rule, il, std::move(sources));
}

// The first of these that is there; else the first of them is what is missing.
const SafeTensor* TensorPlan::take(const std::vector<std::string>& names, bool is_optional) {
  for (const std::string& name : names) {
    const SafeTensor* const found = checkpoint_->find(name);
    if (!found) continue;
    used_.insert(name);
    return found;
  }
  if (!is_optional) missing_.push_back(names.front());
  return nullptr;
}

void TensorPlan::add(const Rule& rule, std::int64_t il, std::vector<const SafeTensor*> sources) {
  tensors_.push_back({.spec = {.name = with_layer(rule.target, il), .ne = {}},
                      .rule = &rule,
                      .sources = std::move(sources)});
}

Status TensorPlan::check_names() const {
  std::vector<std::string> unknown;
  for (const auto& [name, tensor] : checkpoint_->tensors()) {
    if (!used_.contains(name)) unknown.push_back(printable(name));
  }
  if (missing_.empty() && unknown.empty()) return {};
  return fail(ErrorCode::kMalformed, "{}: tensors of {}: {}{}{}", checkpoint_->folder(),
              checkpoint_->family().architecture, list_of("missing", missing_),
              missing_.empty() || unknown.empty() ? "" : "; ", list_of("unknown", unknown));
}

// Leaves the output out where it is the embedding.
Status TensorPlan::tie_output() {
  const Tied tied = checkpoint_->family().tied;
  const auto output = std::ranges::find_if(
      tensors_, [](const PlannedTensor& planned) { return planned.spec.name == kOutput; });
  const bool is_there = output != tensors_.end();
  EDDY_TRY_ASSIGN(const auto says_tied, checkpoint_->flag("tie_word_embeddings"));
  if (!is_there && (tied == Tied::kNever || !says_tied.value_or(true))) {
    return fail(ErrorCode::kMalformed, "{}: the output's tensor is missing", checkpoint_->folder());
  }
  if (!is_there || tied == Tied::kNever) return {};
  if (same_bytes(*output->sources[0], *tensor(kEmbedding).sources[0])) {
    tensors_.erase(output);
    return {};
  }
  if (tied == Tied::kMaybe) return {};
  return fail(ErrorCode::kUnsupported, "{}: {}: other values than the embedding's",
              checkpoint_->folder(), printable(output->sources[0]->name));
}

Status TensorPlan::choose_types(std::optional<DType> type) {
  for (const PlannedTensor& planned : tensors_) {
    for (const SafeTensor* source : planned.sources) {
      if (type_of(source->type)) continue;
      return fail(ErrorCode::kUnsupported, "{}: {}: {}, expected F32, F16 or BF16",
                  checkpoint_->folder(), printable(source->name),
                  safe_type_info(source->type).name);
    }
  }
  type_ = type ? *type : *type_of(tensor(kEmbedding).sources[0]->type);
  return {};
}

Status TensorPlan::shape(PlannedTensor& planned) const {
  const SafeTensor& source = *planned.sources[0];
  std::vector<std::int64_t> extents = source.shape;
  std::int64_t n = 1;
  for (const std::int64_t extent : extents) n *= extent;  // fits: a file has the elements
  const auto wrong = [&](std::string_view expected) {
    return fail(ErrorCode::kMalformed, "{}: {}: shape [{}], expected {}", checkpoint_->folder(),
                printable(source.name), fmt::join(source.shape, ", "), expected);
  };
  if (n == 0) return wrong("elements");
  std::vector<std::int64_t>& ne = planned.spec.ne;
  switch (planned.rule->form) {
    case Form::kSqueezed: std::erase(extents, 1); break;
    case Form::kFlat: extents = {n}; break;
    case Form::kColumn: extents = {n, 1}; break;
    case Form::kGroups:
      if (n_group_ < 1 || n % n_group_ != 0) return wrong(fmt::format("{} groups", n_group_));
      extents = {n_group_, n / n_group_};
      break;
    case Form::kTransposed:
      if (extents.size() < 2) return wrong("2 extents or more");
      std::swap(extents.end()[-1], extents.end()[-2]);
      break;
    case Form::kStacked:
      extents = {static_cast<std::int64_t>(planned.sources.size()), 1, 1, n};
      break;
    case Form::kReversed: break;
  }
  if (extents.empty()) extents = {1};
  const bool is_matrix = planned.rule->kind == Kind::kMatrix;
  if (is_matrix && extents.size() != 2) return wrong("2 extents");
  if (extents.size() > 4) return wrong("at most 4 extents");
  for (const SafeTensor* other : planned.sources) {
    if (other->data.size() != source.data.size() || other->type != source.type) {
      return wrong(fmt::format("shape and type of {}", printable(other->name)));
    }
  }
  ne.assign(extents.rbegin(), extents.rend());
  const bool is_whole = ne[0] % dtype_info(type_).block_elems == 0;
  planned.spec.type = !is_matrix ? DType::kF32 : is_whole ? type_ : DType::kF16;
  return {};
}

// What one rule makes has one shape in all layers.
Status TensorPlan::check_layers() const {
  std::map<const Rule*, const PlannedTensor*> first;
  for (const PlannedTensor& planned : tensors_) {
    const auto [other, is_new] = first.try_emplace(planned.rule, &planned);
    if (is_new || other->second->spec.ne == planned.spec.ne) continue;
    return fail(ErrorCode::kMalformed, "{}: {}: shape [{}], expected [{}] as {}",
                checkpoint_->folder(), printable(planned.sources[0]->name),
                fmt::join(planned.sources[0]->shape, ", "),
                fmt::join(other->second->sources[0]->shape, ", "),
                printable(other->second->sources[0]->name));
  }
  return {};
}

const PlannedTensor& TensorPlan::tensor(std::string_view target) const {
  return *std::ranges::find_if(
      tensors_, [&](const PlannedTensor& planned) { return planned.spec.name == target; });
}

std::int64_t TensorPlan::ne(std::string_view target, std::size_t i) const {
  const std::vector<std::int64_t>& extents = tensor(target).spec.ne;
  return i < extents.size() ? extents[i] : 1;
}

}  // namespace eddy::convert
