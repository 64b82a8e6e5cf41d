// A tiny random model on disk, for tests that open files.
#pragma once

#include <string>

#include "make_model/plan.h"

namespace eddy {

make_model::Plan tiny_plan();

// A file that goes with its object.
class ModelFile {
 public:
  explicit ModelFile(const make_model::Plan& plan = tiny_plan());
  explicit ModelFile(const std::string& bytes);
  ~ModelFile();
  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace eddy
