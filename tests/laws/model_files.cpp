#include "laws/model_files.h"

#include <map>
#include <stdexcept>
#include <tuple>

#include "make_model/architectures.h"
#include "make_model/temporary_model.h"

namespace eddy::laws {

const GgufFile& file_of(const Case& c) {
  static std::map<std::tuple<std::string, std::string, DType>, GgufFile> files;
  const auto key = std::tuple(c.architecture, c.shape, c.weights);
  if (const auto it = files.find(key); it != files.end()) return it->second;
  const auto* architecture = make_model::find_architecture(c.architecture);
  auto file = make_model::open_temporary(*architecture->plan(c.shape, c.weights), 1);
  if (!file.ok()) throw std::runtime_error(file.error().message);
  return files.emplace(key, std::move(*file)).first->second;
}

}  // namespace eddy::laws
