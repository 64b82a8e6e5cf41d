// A model that is split over several GGUF files, read as one.
//
// The parts are "<prefix>-00001-of-00003.gguf" and so on. Each is a whole GGUF file; the first has
// the metadata, the others only the keys split.*.
#pragma once

#include "base/file_system.h"
#include "eddy/result.h"
#include "formats/gguf.h"

namespace eddy {

class GgufSplit {
 public:
  // The file with the tensors of all parts; the file as it is where it is not split. kMalformed:
  // `first` is not the first part, or a part does not fit to it; kNotFound, kIo: a part.
  static Result<GgufFile> complete(FileSystem& fs, GgufFile first);

 private:
  static Status append(GgufFile& whole, GgufFile part, std::uint32_t number);
};

}  // namespace eddy
