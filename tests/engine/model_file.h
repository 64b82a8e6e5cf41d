// A tiny random model on disk, and texts for it, for tests that open files.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "eddy/types.h"
#include "make_model/plan.h"

namespace eddy {

make_model::Plan tiny_plan();

// n tokens that every tiny model has, the same for the same seed.
std::vector<Token> made_up(std::size_t n, std::uint64_t seed);

std::vector<Token> copy(std::span<const Token> tokens);

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
