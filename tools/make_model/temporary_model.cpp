#include "make_model/temporary_model.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/file_system.h"
#include "base/try.h"
#include "make_model/write_model.h"

namespace eddy::make_model {
namespace {

std::string new_path() {
  static std::atomic<int> n_paths = 0;
  const std::string name = "eddy-" + std::to_string(::getpid()) + "-" + std::to_string(n_paths++);
  return (std::filesystem::temp_directory_path() / (name + ".gguf")).string();
}

}  // namespace

Result<GgufFile> open_temporary(const Plan& plan, std::uint64_t seed) {
  const std::string path = new_path();
  EDDY_TRY(write_model(plan, seed, path));
  Result<GgufFile> file = GgufFile::open(posix_file_system(), path);
  posix_file_system().remove(path);
  return file;
}

}  // namespace eddy::make_model
