// The patterns of tensors' names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "convert/rules.h"

namespace eddy::convert {

// "blk.{}.ssm_a" of layer 3 is "blk.3.ssm_a".
std::string with_layer(std::string_view pattern, std::int64_t il);

inline bool is_per_layer(std::string_view pattern) { return pattern.find("{}") != pattern.npos; }

// The names between "|", each with its layer.
std::vector<std::string> alternatives(std::string_view pattern, std::int64_t il);

// The names of a stack: the pattern with each letter for its star, in their order.
std::vector<std::string> stacked_names(std::string_view pattern, std::string_view letters,
                                       std::int64_t il);

// A name that each layer of the family has.
std::string_view layer_pattern(const Family& family);

}  // namespace eddy::convert
