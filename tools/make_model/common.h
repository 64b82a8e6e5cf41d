// What the plans of all architectures share.
#pragma once

#include <cmath>

#include "make_model/plan.h"

namespace eddy::make_model {

inline std::uint32_t u32(std::int64_t n) { return static_cast<std::uint32_t>(n); }

// The deviation of weights that keep n_in inputs of unit size at unit size.
inline double gain(std::int64_t n_in) { return 1 / std::sqrt(static_cast<double>(n_in)); }

// softplus() of it lies between 0.001 and 0.1, as Mamba's initialisation has it.
inline const Values kDtBias = uniform(-6.9, -2.25);

// The keys that every model has, with a vocabulary of byte-level BPE. norm: the kind of epsilon.
Plan begin_plan(std::string_view architecture, std::string_view shape, std::int64_t n_layer,
                std::int64_t n_embd, std::int64_t n_vocab, DType type, std::int64_t n_ff = 0,
                std::string_view norm = "layer_norm_rms_epsilon");

// weight and bias of a LayerNorm of n elements.
void add_layer_norm(Plan& plan, const std::string& name, std::int64_t n);

// token_embd, output_norm and, unless it is tied to the embedding, output.
void add_ends(Plan& plan, std::int64_t n_embd, std::int64_t n_vocab, bool tied, DType type);

}  // namespace eddy::make_model
