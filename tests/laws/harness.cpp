#include "laws/harness.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <random>
#include <stdexcept>

#include "base/try.h"
#include "laws/backend.h"
#include "laws/model_files.h"

namespace eddy::laws {
namespace {

// All tiny vocabularies have at least that many entries.
constexpr std::uint64_t kVocabulary = 288;

// The value of a Result that must be ok; where it is not, the test program ends with the reason.
template <class T>
T must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

void must(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.error().message);
}

template <class T>
std::vector<T> part_of(const std::vector<T>& all, std::size_t first, std::size_t last) {
  const auto begin = all.begin();
  return {begin + static_cast<std::ptrdiff_t>(first), begin + static_cast<std::ptrdiff_t>(last)};
}

// The lane that a part ends with.
std::size_t last_lane_of(const UBatchPart& part, const RecurrentContext& context) {
  const auto lanes = context.lanes();
  const auto ends_there = [&](const Lane& lane) {
    return lane.first_token + lane.n_tokens == part.first_token + part.n_tokens;
  };
  return static_cast<std::size_t>(std::ranges::find_if(lanes, ends_there) - lanes.begin());
}

}  // namespace

Tokens make_tokens(std::size_t n, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Tokens tokens;
  for (std::size_t i = 0; i < n; ++i) {
    tokens.push_back(Token(static_cast<std::int32_t>(random() % kVocabulary)));
  }
  return tokens;
}

Tokens joined(Tokens a, const Tokens& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Tokens slice(const Tokens& tokens, std::size_t first, std::size_t last) {
  return part_of(tokens, first, last);
}

Rows slice(const Rows& rows, std::size_t first, std::size_t last) {
  return part_of(rows, first, last);
}

void append(Rows& rows, const Rows& more) { rows.insert(rows.end(), more.begin(), more.end()); }

testing::AssertionResult same_bits(const Rows& found, const Rows& expected) {
  if (found.size() != expected.size()) {
    return testing::AssertionFailure()
           << found.size() << " rows of logits, expected " << expected.size();
  }
  for (std::size_t t = 0; t < found.size(); ++t) {
    const auto [a, b] = std::ranges::mismatch(found[t], expected[t]);
    if (a == found[t].end() && b == expected[t].end()) continue;
    return testing::AssertionFailure()
           << "row " << t << ", logit " << a - found[t].begin() << ": " << std::bit_cast<float>(*a)
           << ", expected " << std::bit_cast<float>(*b);
  }
  return testing::AssertionSuccess();
}

Harness::Harness(const Case& c, const Setting& setting) {
  ops_ = make_ops(setting.n_threads, setting.isa);
  model_ = must(load_model(file_of(c), *ops_));
  const std::size_t n_layer = model_->state_layout().layers.size();
  memory_ = must(RecurrentMemory::create(
      {.layout = model_->state_layout(),
       .layer_devices = std::vector<const Device*>(n_layer, &ops_->device()),
       .type_r = c.state,
       .type_s = c.state,
       .type_kv = c.state,
       .rounding_r = c.rounding,
       .offload = true,
       .mem_size = setting.mem_size,
       .n_seq_max = setting.n_seq_max,
       .n_ubatch_max = setting.n_ubatch_max,
       .kv_size = setting.kv_size,
       .n_rewind = setting.n_rewind,
       .filter = {},
       .identity = model_->identity()}));
  const RecurrentContext worst = must(memory_->init_full());
  scratch_ = std::make_unique<Scratch>(must(Scratch::create(*model_, *ops_, worst)));
  recurrences_ = must(Recurrences::of(*model_, *ops_, worst));
  memory_->on_replay([this](const Replay& replay) { return recurrences_.replay(*ops_, replay); });
  logits_.resize(setting.n_ubatch_max * static_cast<std::size_t>(model_->info().n_vocab));
}

Rows Harness::feed(int seq, const Tokens& tokens, std::uint32_t n_ubatch) {
  return feed_batch({{seq, tokens}}, n_ubatch).at(0);
}

std::vector<Rows> Harness::feed_batch(const std::vector<Part>& parts, std::uint32_t n_ubatch) {
  std::vector<Rows> rows;
  must(run(*ops_, parts, n_ubatch, -1, rows));
  return rows;
}

bool Harness::feed_and_fail(const std::vector<Part>& parts, std::uint32_t n_ubatch, int fail_at) {
  std::vector<Rows> rows;
  const Status status = run(*ops_, parts, n_ubatch, fail_at, rows);
  return !status.ok();
}

Status Harness::try_feed_batch(Ops& ops, const std::vector<Part>& parts, std::uint32_t n_ubatch) {
  std::vector<Rows> rows;
  return run(ops, parts, n_ubatch, -1, rows);
}

Status Harness::run(Ops& ops, const std::vector<Part>& parts, std::uint32_t n_ubatch, int fail_at,
                    std::vector<Rows>& rows) {
  std::vector<BatchPart> batch;
  for (const Part& part : parts) {
    batch.push_back({SeqId(part.seq), part.tokens, part.outputs});
  }
  rows.assign(parts.size(), {});
  const Status status = [&]() -> Status {
    EDDY_TRY_ASSIGN(RecurrentContext context, memory_->init_batch(batch, n_ubatch));
    do {
      EDDY_TRY(context.apply());
      EDDY_TRY(compute(ops, context, rows));
      if (fail_at-- == 0) {
        context.fail();
        return Error{ErrorCode::kCancelled, "cancelled"};
      }
    } while (context.next());
    return {};
  }();
  check();
  return status;
}

Status Harness::compute(Ops& ops, RecurrentContext& context, std::vector<Rows>& rows) {
  const UBatch& ubatch = context.ubatch();
  const std::int64_t n_vocab = model_->info().n_vocab;
  const Mat logits = {logits_.data(), n_vocab, std::ssize(ubatch.outputs), n_vocab};
  EDDY_TRY(
      model_->forward({.ops = ops, .context = context, .scratch = *scratch_, .logits = logits}));
  for (std::size_t i = 0; i < ubatch.parts.size(); ++i) {
    const UBatchPart& part = ubatch.parts[i];
    const std::size_t lane = last_lane_of(part, context);
    row_of_[part.seq.value] = context.lanes()[lane].dst;
    note_pages(part.seq.value, lane, context);
    for (std::int64_t o = 0; o < logits.n_tokens; ++o) {
      const std::int32_t token = ubatch.outputs[static_cast<std::size_t>(o)];
      if (token < part.first_token || token >= part.first_token + part.n_tokens) continue;
      Row& row = rows[static_cast<std::size_t>(part.part)].emplace_back();
      for (const float v : std::span(logits.token(o), static_cast<std::size_t>(n_vocab))) {
        row.push_back(std::bit_cast<std::uint32_t>(v));
      }
    }
  }
  return {};
}

void Harness::remove(int seq) {
  must(memory_->seq_rm(SeqId(seq), -1, -1));
  row_of_.erase(seq);
  pages_of_.erase(seq);
  check();
}

bool Harness::try_rewind(int seq, std::int64_t n_tokens) {
  const Status removed = memory_->seq_rm(SeqId(seq), n_tokens, -1);
  if (!removed && removed.error().code != ErrorCode::kOutOfWindow) must(removed);
  check();
  return removed.ok();
}

void Harness::rewind(int seq, std::int64_t n_tokens) {
  must(memory_->seq_rm(SeqId(seq), n_tokens, -1));
  check();
}

std::int64_t Harness::shortest(int seq) { return must(memory_->seq_pos_min(SeqId(seq))) + 1; }

void Harness::fork(int from, int to) {
  must(memory_->seq_cp(SeqId(from), SeqId(to), -1, -1));
  row_of_[to] = row_of_[from];
  pages_of_[to] = pages_of_[from];
  check();
}

Bytes Harness::save(int seq) { return must(memory_->state_write(SeqId(seq))); }

void Harness::restore(int seq, const Bytes& bytes) {
  must(memory_->state_read(bytes, SeqId(seq)));
  check();
}

Checkpoint Harness::checkpoint(int seq) { return must(memory_->checkpoint(SeqId(seq), 1)); }

void Harness::start(int seq, const Checkpoint& checkpoint) {
  must(memory_->start(SeqId(seq), checkpoint));
  check();
}

bool Harness::is_lost(int seq) {
  const Result<Pos> pos = memory_->seq_pos_max(SeqId(seq));
  return !pos.ok() && pos.error().code == ErrorCode::kStateLost;
}

std::int64_t Harness::length(int seq) { return must(memory_->seq_pos_max(SeqId(seq))) + 1; }

// The pages that lane i has given the sequence, by layer.
void Harness::note_pages(int seq, std::size_t i, const RecurrentContext& context) {
  auto& pages = pages_of_[seq];
  pages.assign(model_->state_layout().layers.size(), {});
  for (std::size_t il = 0; il < pages.size(); ++il) {
    const KvView kv = context.get_kv_l(LayerId(static_cast<std::int32_t>(il)));
    if (!kv.lanes.empty()) pages[il].assign(kv.lanes[i].pages.begin(), kv.lanes[i].pages.end());
  }
}

void Harness::poison_free_pages(std::size_t il, const KvPages& pages) {
  const std::vector<std::byte> nan(pages.stride, std::byte{0xFF});
  for (std::uint32_t page = 0; page < pages.n_pages; ++page) {
    const auto has_page = [&](const auto& entry) {
      const auto& held = entry.second[il];
      return std::ranges::find(held, static_cast<std::int32_t>(page)) != held.end();
    };
    if (std::ranges::any_of(pages_of_, has_page)) continue;
    pages.buffer->write(pages.offset + page * pages.stride, nan);
  }
}

void Harness::poison_free_rows() {
  const auto fill = [this](const StateRows& rows) {
    if (rows.n_elems == 0) return;
    const std::vector<std::byte> nan(rows.n_elems * dtype_info(rows.type).block_bytes,
                                     std::byte{0xFF});  // a NaN in F32, F16 and BF16
    for (std::uint32_t row = 0; row < rows.n_rows; ++row) {
      const auto lives = [row](const auto& entry) {
        return entry.second == static_cast<std::int32_t>(row);
      };
      if (std::ranges::any_of(row_of_, lives)) continue;
      rows.buffer->write(rows.offset + row * rows.stride, nan);
    }
  };
  const RecurrentContext all = must(memory_->init_full());
  for (std::size_t il = 0; il < model_->state_layout().layers.size(); ++il) {
    fill(all.get_r_l(LayerId(static_cast<std::int32_t>(il))));
    fill(all.get_s_l(LayerId(static_cast<std::int32_t>(il))));
    const KvPages pages = all.get_kv_l(LayerId(static_cast<std::int32_t>(il))).pages;
    if (pages.buffer) poison_free_pages(il, pages);
  }
  Scratch::Scope scope(*scratch_);
  const auto n_floats = static_cast<std::int64_t>(scratch_->n_bytes() / sizeof(float));
  const Mat whole = scratch_->mat(n_floats, 1);
  std::fill_n(whole.data, n_floats, std::numeric_limits<float>::quiet_NaN());
}

void Harness::check() { must(memory_->check()); }

}  // namespace eddy::laws
