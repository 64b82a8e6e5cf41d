// The lists of cases: shapes and types of every op. A new op or type is a line here.
#pragma once

#include "cpu/support/op_case.h"

namespace eddy::test {

// Small shapes, odd ones among them: for the equality, invariance and accuracy tests.
OpCases small_op_cases();

// The shapes of mamba-130m, mamba2-130m and rwkv7-0.1B: decoding of 1 and of 32 sequences, and
// prefill.
OpCases model_op_cases();

// What the two lists include, by file.
void add_small_elementwise_cases(OpCases& cases);
void add_model_elementwise_cases(OpCases& cases);
void add_small_rwkv_cases(OpCases& cases);
void add_model_rwkv_cases(OpCases& cases);

// Those of Griffin's ops, and of attention: the shapes are those of RecurrentGemma 2B.
void add_small_griffin_cases(OpCases& cases);
void add_model_griffin_cases(OpCases& cases);
void add_small_attention_cases(OpCases& cases);
void add_model_attention_cases(OpCases& cases);

}  // namespace eddy::test
