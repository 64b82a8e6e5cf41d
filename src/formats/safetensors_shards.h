// A model that is split over several safetensors files reads as one.
//
// Its index is an object with "weight_map": a tensor's name to the name of a file beside the index.
#pragma once

#include <string>

#include "base/file_system.h"
#include "eddy/result.h"
#include "formats/safetensors.h"

namespace eddy {

class SafetensorsShards {
 public:
  // `path` is the index in the folder. kMalformed: another index than that, a file's name that
  // leaves the folder, a file that lacks a tensor or has one that the index does not place there.
  static Result<Safetensors> open(FileSystem& fs, const std::string& folder,
                                  const std::string& path);
};

}  // namespace eddy
