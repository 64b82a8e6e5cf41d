#include "laws/backend.h"

#include <stdexcept>

#include "cpu/cpu_ops.h"
#include "cpu/isa.h"

namespace eddy::laws {

std::unique_ptr<Ops> make_ops(int n_threads, const std::string& isa) {
  auto ops = make_cpu_ops({.n_threads = n_threads, .isa = isa});
  if (!ops) throw std::runtime_error(ops.error().message);
  return std::move(*ops);
}

std::vector<std::string> all_isas() {
  std::vector<std::string> names;
  for (const Isa isa : available_isas()) names.emplace_back(isa_name(isa));
  return names;
}

}  // namespace eddy::laws
