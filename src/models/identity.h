// Which model a file holds, in 128 bits.
#pragma once

#include "memory/state_layout.h"

namespace eddy {

class GgufFile;

// XXH3 over the architecture, its hyper-parameters (the metadata under its name) and all tensors:
// name, type, shape and bytes. Neither the order in the file nor other metadata counts.
//
// Of a tensor above 64 KiB only sixteen pages of 4 KiB, spread evenly from its first to its last
// byte, are read: opening a model must not cost a read of the whole file. Training, merging and
// quantising change weights everywhere, and are seen; a few weights edited by hand may not be.
ModelIdentity identify(const GgufFile& file);

}  // namespace eddy
