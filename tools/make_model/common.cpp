#include "make_model/common.h"

#include <fmt/format.h>

#include "formats/gguf_file_type.h"
#include "make_model/vocabulary.h"

namespace eddy::make_model {
Plan begin_plan(std::string_view architecture, std::string_view shape, std::int64_t n_layer,
                std::int64_t n_embd, std::int64_t n_vocab, DType type, std::int64_t n_ff,
                std::string_view norm) {
  const std::string arch(architecture);
  Plan plan;
  plan.add("general.architecture", arch);
  plan.add("general.type", std::string("model"));
  plan.add("general.name", fmt::format("random {} {}", architecture, shape));
  plan.add("general.file_type", gguf_file_type(type));
  plan.add("general.quantization_version", std::uint32_t{2});
  plan.add(arch + ".context_length", std::uint32_t{1} << 20);
  plan.add(arch + ".embedding_length", u32(n_embd));
  plan.add(arch + ".feed_forward_length", u32(n_ff));
  plan.add(arch + ".attention.head_count", std::uint32_t{0});
  plan.add(arch + ".block_count", u32(n_layer));
  plan.add(fmt::format("{}.attention.{}", arch, norm), 1e-5F);
  add_vocabulary(plan, n_vocab);
  return plan;
}

void add_layer_norm(Plan& plan, const std::string& name, std::int64_t n) {
  plan.add_small(name + ".weight", {n}, uniform(0.8, 1.2));
  plan.add_small(name + ".bias", {n}, uniform(-0.1, 0.1));
}

void add_ends(Plan& plan, std::int64_t n_embd, std::int64_t n_vocab, bool tied, DType type) {
  // The embedding is normalised before its first use, so only the output's size matters: it makes
  // logits of about unit deviation.
  plan.add_matrix("token_embd.weight", n_embd, n_vocab, gain(n_embd), type);
  plan.add_small("output_norm.weight", {n_embd}, uniform(0.8, 1.2));
  if (!tied) plan.add_matrix("output.weight", n_embd, n_vocab, gain(n_embd), type);
}

}  // namespace eddy::make_model
