// The makers of the references, one for each architecture. See reference.h.
#pragma once

#include <memory>

#include "reference/reference.h"

namespace eddy::reference {

std::unique_ptr<Reference> make_mamba_reference(const GgufFile& file);
std::unique_ptr<Reference> make_mamba2_reference(const GgufFile& file);
std::unique_ptr<Reference> make_recurrentgemma_reference(const GgufFile& file);
std::unique_ptr<Reference> make_rwkv6_reference(const GgufFile& file);
std::unique_ptr<Reference> make_rwkv6qwen2_reference(const GgufFile& file);
std::unique_ptr<Reference> make_rwkv7_reference(const GgufFile& file);
std::unique_ptr<Reference> make_arwkv7_reference(const GgufFile& file);

}  // namespace eddy::reference
