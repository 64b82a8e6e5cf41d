// A file's bytes, mapped to read.
//
// The bytes stay at their address while the MappedFile lives, also when it is moved. A file that
// another process cuts short while it is mapped kills the reader (SIGBUS): eddy replaces files
// whole (see AtomicFile) and never changes one in place.
//
// Threading: the bytes are constant.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/file_system.h"
#include "eddy/result.h"

namespace eddy {

class MappedFile {
 public:
  // kNotFound, kIo (no regular file, or the operating system refuses), kOutOfMemory. fs outlives
  // the MappedFile.
  static Result<MappedFile> open(FileSystem& fs, const std::string& path);

  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return bytes_; }

  // Asks the operating system to read the file now, in the background.
  void prefetch() const;

 private:
  MappedFile(FileSystem& fs, std::span<const std::byte> bytes) : fs_(&fs), bytes_(bytes) {}

  FileSystem* fs_;
  std::span<const std::byte> bytes_;
};

}  // namespace eddy
