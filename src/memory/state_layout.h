// What a model hands to the memory, as data: the state each layer keeps for one sequence.
// The memory never sees a model, and does not know what an element means.
//
// Letters: R is the recurrent state (Mamba's SSM state, RWKV's wkv matrix), S the short-convolution
// state (the last d_conv - 1 inputs, RWKV's token shift). llama.cpp uses them the other way round:
// its r is the rolling convolution state and its s the SSM state. K and V are an attention layer's
// keys and values: one row of each for every token that the window still shows.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace eddy {

struct StateLayout {
  struct Layer {
    std::uint64_t r_elems = 0;      // elements of a row of R; 0: the layer has none
    std::uint64_t s_elems = 0;      // elements of a row of S; 0: the layer has none
    std::uint64_t r_log_elems = 0;  // floats that R's op is told for each token; 0: no log
    std::uint64_t s_log_elems = 0;  // and S's
    std::uint64_t k_elems = 0;      // elements of K for each token; 0: the layer has no attention
    std::uint64_t v_elems = 0;      // elements of V for each token; 0 where k_elems is
    std::int32_t window = 0;        // positions that a token sees, itself included; 0: all
  };
  std::vector<Layer> layers;  // by LayerId, all layers of the model
};

// The first position that the token after n_tokens tokens still sees.
constexpr std::int64_t first_visible(std::int64_t n_tokens, std::int32_t window) {
  return window == 0 || n_tokens < window ? 0 : n_tokens - window + 1;
}

// Which model a state was made by: a digest of architecture, hyper-parameters, tensor shapes and
// types and weights. Two models with the same identity compute the same states.
struct ModelIdentity {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const ModelIdentity&) const = default;
};

}  // namespace eddy
