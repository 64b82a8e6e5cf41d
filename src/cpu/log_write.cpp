#include "cpu/log_write.h"

#include <algorithm>
#include <cstring>

namespace eddy {
namespace {

void write_row(const LogWriteArgs& args, std::int64_t token, float* row) {
  row += args.first_elem;
  for (const ConstMat& input : args.inputs) {
    std::memcpy(row, input.token(token), static_cast<std::size_t>(input.n) * sizeof(float));
    row += input.n;
  }
}

}  // namespace

void log_write(const LogWriteArgs& args, Share units) {
  for (std::size_t i = 0; i < args.lanes.size(); ++i) {
    const Lane& lane = args.lanes[i];
    const KvLane& log = args.log_lanes[i];
    const std::int64_t first = std::max<std::int64_t>(units.first, lane.first_token);
    const std::int64_t last = std::min<std::int64_t>(units.last, lane.first_token + lane.n_tokens);
    for (std::int64_t t = first; t < last; ++t) {
      const std::int64_t pos = log.pos + t - lane.first_token;
      const std::int64_t entry = pos / kKvPage - log.first_page;
      if (entry < 0) continue;
      const std::int32_t page = log.pages[static_cast<std::size_t>(entry)];
      write_row(args, t, args.rows.host_row(page, pos % kKvPage));
    }
  }
}

}  // namespace eddy
