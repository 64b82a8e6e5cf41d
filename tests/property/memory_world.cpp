#include "memory_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <set>

#include "support/allocation_hook.h"
#include "support/state_bytes.h"

namespace eddy::test {
namespace {

constexpr std::size_t kPinsMax = 12;
constexpr std::size_t kBlobsMax = 4;
constexpr std::size_t kDumpsMax = 2;

constexpr const char* kKindNames[kOpKinds] = {
    "extend",     "remove", "remove part", "rewind",  "fork",  "keep",  "clear", "shift",
    "checkpoint", "drop",   "start",       "write",   "read",  "begin", "dump",  "load",
    "corrupt",    "unpark", "park",        "recover", "crash", "bad id"};

std::uint32_t mix(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::uint32_t>(fold(a, Token(static_cast<std::int32_t>(b & 0xFFFFFF))) >> 20);
}

SeqId id(std::uint32_t seq) { return SeqId(static_cast<std::int32_t>(seq)); }

}  // namespace

std::string to_string(const Op& op) {
  return fmt::format(
      "{:12} seq {} other {} n {} count {} n_ubatch {} fail {} fail_alloc {} salt {}",
      kKindNames[static_cast<int>(op.kind)], op.seq, op.other, op.n, op.count, op.n_ubatch, op.fail,
      op.fail_alloc, op.salt);
}

World::World(const WorldConfig& config)
    : config_(config), device_("test", config.is_host), seqs_(config.n_seqs) {
  for (const int window : config.windows) {
    const int shown = window == 0 ? 0 : window + 2 * static_cast<int>(config.n_rewind);
    if (std::ranges::find(groups_, shown) == groups_.end()) groups_.push_back(shown);
  }
  open();
}

void World::open() {
  StateLayout layout = hash_layout(config_.n_layers);
  for (const int window : config_.windows) {
    layout.layers.push_back({.k_elems = 3, .v_elems = 3, .window = window});
  }
  auto made = RecurrentMemory::create(
      {.layout = layout,
       .layer_devices = std::vector<const Device*>(layout.layers.size(), &device_),
       .mem_size = config_.n_cells,
       .n_seq_max = config_.n_seqs,
       .n_ubatch_max = config_.n_ubatch_max,
       .kv_size = config_.n_pages * kKvPage,
       .n_rewind = config_.n_rewind,
       .filter = {},
       .identity = test_identity()});
  memory_ = std::move(*made);
  tensors_ = tensors_of(*memory_, layout.layers.size());
  keys_.clear();
  for (const StateTensor& t : tensors_) keys_.push_back(key_of(t.layer, t.kind));
  memory_->on_replay([this](const Replay& replay) -> Status {
    if (replay_fails_) return Error{ErrorCode::kOutOfMemory, "a replay that fails"};
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      replay_kernel(tensors_[i].rows, keys_[i], replay);
    }
    return {};
  });
  if (!config_.parks) return;
  memory_->on_park([this](const ParkRequest& request) {
    if (mix(park_salt_, static_cast<std::uint32_t>(request.seqs[0].value)) % 4 == 0) return false;
    for (const SeqId seq : request.seqs) {
      const auto i = static_cast<std::uint32_t>(seq.value);
      expect(request.pos == static_cast<Pos>(seqs_[i].tokens.size()) - 1, "position when parked");
      accepted_[i] = {{request.state.begin(), request.state.end()}, seqs_[i]};
    }
    return true;
  });
}

std::string World::apply(const Op& given) {
  Op op = given;
  op.seq %= config_.n_seqs;
  park_salt_ = op.salt;
  accepted_.clear();
  switch (op.kind) {
    case OpKind::kExtend: extend(op); break;
    case OpKind::kRemove: remove(op); break;
    case OpKind::kRemovePart: remove_part(op); break;
    case OpKind::kRewind: rewind(op); break;
    case OpKind::kFork: fork(op); break;
    case OpKind::kKeep: keep(op); break;
    case OpKind::kClear: clear(op); break;
    case OpKind::kShift: shift(op); break;
    case OpKind::kCheckpoint: checkpoint(op); break;
    case OpKind::kDropCheckpoint:
      if (!pins_.empty()) unpin(op.other % pins_.size());
      break;
    case OpKind::kStart: start(op); break;
    case OpKind::kWrite: write(op); break;
    case OpKind::kRead:
      if (!blobs_.empty()) read(op, blobs_[op.other % blobs_.size()]);
      break;
    case OpKind::kBegin:
      if (!blobs_.empty()) begin(op, blobs_[op.other % blobs_.size()]);
      break;
    case OpKind::kDump: dump(op); break;
    case OpKind::kLoad: load(op); break;
    case OpKind::kCorrupt: corrupt(op); break;
    case OpKind::kUnpark:
      if (seqs_[op.seq].status == SeqStatus::kParked) read(op, Blob(parked_[op.seq]));
      break;
    case OpKind::kPark: park(op); break;
    case OpKind::kRecover: recover(op); break;
    case OpKind::kCrash: crash(); break;
    case OpKind::kBadId: bad_id(op); break;
  }
  compare();
  return difference_;
}

// --- The operations -----------------------------------------------------------------------------

void World::extend(const Op& op) {
  if (seqs_[op.seq].tokens.size() > config_.n_tokens_max) return remove(op);
  std::vector<std::vector<Token>> tokens;
  std::vector<BatchPart> batch;
  std::vector<std::uint32_t> in_use;
  const std::uint32_t count = std::min(op.count, config_.n_seqs);
  tokens.reserve(count);
  bool has_lost = false;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t seq =
        (op.seq + i * (op.salt % 2 ? 1 : config_.n_seqs - 1)) % config_.n_seqs;
    auto& added = tokens.emplace_back(1 + mix(op.salt, i) % std::max(op.n, 1u));
    for (std::size_t t = 0; t < added.size(); ++t) {
      added[t] =
          Token(static_cast<std::int32_t>(mix(op.salt + i, static_cast<std::uint32_t>(t)) % 99));
    }
    batch.push_back({.seq = id(seq), .tokens = added, .outputs = Outputs::kNone});
    in_use.push_back(seq);
    has_lost |= seqs_[seq].status == SeqStatus::kLost || seqs_[seq].status == SeqStatus::kParked;
  }
  const std::uint32_t n_ubatch = 1 + op.n_ubatch % config_.n_ubatch_max;
  const Need need = need_of(batch, n_ubatch);
  std::optional<RecurrentContext> context;
  const bool ok = with_failing_allocation(op, [&] {
    auto made = memory_->init_batch(batch, n_ubatch);
    if (!made) {
      expect(made.error().code == (has_lost ? ErrorCode::kStateLost : ErrorCode::kFull), "error");
      return false;
    }
    context.emplace(std::move(*made));
    return true;
  });
  if (has_lost) return expect(!ok, "extended a lost sequence");
  account_for_room(ok, need, in_use);
  if (!ok) return;
  compute(*context, batch, op);
  if (op.salt % 3 == 0 && op.fail >= 0) context->fail();
}

// Walks the context as the engine does; the model follows micro-batch by micro-batch.
void World::compute(RecurrentContext& context, const std::vector<BatchPart>& batch, const Op& op) {
  std::vector<Token> flat;
  for (const BatchPart& part : batch)
    flat.insert(flat.end(), part.tokens.begin(), part.tokens.end());
  std::size_t n_seen = 0;
  for (std::int32_t i = 0;; ++i) {
    const auto found = context.ubatch().tokens;
    expect(n_seen + found.size() <= flat.size() &&
               std::equal(found.begin(), found.end(),
                          flat.begin() + static_cast<std::ptrdiff_t>(n_seen)),
           "tokens of the micro-batch");
    n_seen += found.size();
    if (op.fail == i && op.salt % 5 == 0) return;  // cancelled before it is placed
    if (!compute_one(context, op, op.fail == i)) return;
    if (!context.next()) break;
    expect(i < 10000, "the walk ends");
  }
  expect(n_seen == flat.size(), "all tokens are computed");
}

bool World::compute_one(RecurrentContext& context, const Op& op, bool fails) {
  const Status applied = context.apply();
  expect(applied.ok(), "apply after init_batch");
  if (!applied.ok()) return false;
  const auto lanes = context.lanes();
  const auto parts = context.ubatch().parts;
  std::vector<std::size_t> first, last;  // the lanes of each part
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    if (!goes_on(lanes, i)) {
      first.push_back(i);
      last.push_back(i);
    }
    last.back() = i;
  }
  expect(first.size() == parts.size(), "lanes for each part");
  if (first.size() != parts.size()) return false;
  run_model(context, config_.n_layers + config_.windows.size(),
            fails ? op.salt % (lanes.size() + 1) : lanes.size());
  std::vector<int> old_labels;
  for (const UBatchPart& part : parts) {
    old_labels.push_back(seqs_[static_cast<std::size_t>(part.seq.value)].label);
  }
  std::vector<bool> in_place, is_moved(parts.size());
  for (const int label : old_labels) {
    in_place.push_back(label >= 0 && labels_[static_cast<std::size_t>(label)].n_holders() == 1);
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Seq& seq = seqs_[static_cast<std::size_t>(parts[i].seq.value)];
    const std::int32_t src = lanes[first[i]].src, dst = lanes[last[i]].dst;
    is_moved[i] = in_place[i] && src != dst;
    expect(src != dst || in_place[i], "in place only if private");
    expect(!is_moved[i] || config_.n_rewind > 0, "in place if private");
    expect((src == kZeroRow) == (seq.status == SeqStatus::kEmpty), "new ones from zeros");
    if (fails) {
      if (in_place[i] && !is_moved[i]) let_go(seq, SeqStatus::kLost);
      continue;
    }
    const auto added =
        context.ubatch().tokens.subspan(static_cast<std::size_t>(parts[i].first_token),
                                        static_cast<std::size_t>(parts[i].n_tokens));
    const std::size_t n_before = seq.tokens.size(), n_after = n_before + added.size();
    if (!in_place[i]) {
      const int label = new_label();
      if (seq.label >= 0) {
        labels_[static_cast<std::size_t>(label)].lists =
            labels_[static_cast<std::size_t>(seq.label)].lists;
      }
      grow(labels_[static_cast<std::size_t>(label)], n_before, n_after);
      hold(seq, label);
    } else {
      grow(labels_[static_cast<std::size_t>(seq.label)], n_before, n_after);
    }
    seq.tokens.insert(seq.tokens.end(), added.begin(), added.end());
    seq.hash = fold(seq.hash, added);
  }
  return !fails;
}

void World::remove(const Op& op) {
  expect(memory_->seq_rm(id(op.seq), -1, -1).ok(), "seq_rm");
  let_go(seqs_[op.seq], SeqStatus::kEmpty);
  seqs_[op.seq] = {};
}

void World::remove_part(const Op& op) {
  const auto n_tokens = static_cast<Pos>(seqs_[op.seq].tokens.size());
  const Pos p0 = static_cast<Pos>(op.n % 12);
  const Pos p1 = p0 + static_cast<Pos>(op.count % 4);
  if (seqs_[op.seq].status == SeqStatus::kLost || seqs_[op.seq].status == SeqStatus::kParked)
    return;
  const bool is_none = p0 >= std::min(p1, n_tokens);
  const bool is_all = !is_none && p0 == 0 && p1 >= n_tokens;
  if (config_.n_layers == 0 && !is_none && !is_all && (op.salt % 2 || p1 >= n_tokens)) {
    const bool is_end = p1 >= n_tokens;
    const auto n_kept = static_cast<std::size_t>(n_tokens);
    return remove_end(op, is_end ? static_cast<std::size_t>(p0) : mix(op.salt, op.n) % n_kept);
  }
  if (config_.n_rewind > 0 && !is_none && p1 >= n_tokens) return;  // rewind()'s
  expect(memory_->seq_rm(id(op.seq), p0, p1).ok() == (is_none || is_all), "seq_rm of a part");
  if (!is_all) return;
  let_go(seqs_[op.seq], SeqStatus::kEmpty);
  seqs_[op.seq] = {};
}

// Of a memory without recurrent layers.
void World::remove_end(const Op& op, std::size_t n_tokens) {
  Seq& seq = seqs_[op.seq];
  if (n_tokens == 0 || n_tokens >= seq.tokens.size()) return;
  bool is_passed = false;
  for (const int window : groups_) {
    is_passed |= first_visible(static_cast<Pos>(seq.tokens.size()), window) > 0;
  }
  const Need need = need_of_state(op.seq, 0);
  const Status removed = memory_->seq_rm(id(op.seq), static_cast<Pos>(n_tokens), -1);
  if (is_passed) return expect(!removed.ok(), "an end that a window has passed");
  account_for_room(removed.ok(), need, {op.seq});
  if (!removed.ok()) return;
  if (labels_[static_cast<std::size_t>(seq.label)].n_holders() > 1) {
    const int label = new_label();
    labels_[static_cast<std::size_t>(label)].lists =
        labels_[static_cast<std::size_t>(seq.label)].lists;
    hold(seq, label);
  }
  cut_off(labels_[static_cast<std::size_t>(seq.label)], n_tokens);
  seq.tokens.resize(n_tokens);
  seq.hash = fold(seq.base, seq.tokens);
}

// How far back it can go is the memory's to say; that it is at least as far as it says, and that
// what is there then is right, is compared.
void World::rewind(const Op& op) {
  Seq& seq = seqs_[op.seq];
  if (seq.status != SeqStatus::kLive || tensors_.empty()) return;
  const auto n_before = static_cast<Pos>(seq.tokens.size());
  const Pos n_tokens = n_before - static_cast<Pos>(op.n * op.count);
  const auto nearest = memory_->seq_pos_min(id(op.seq));
  expect(nearest.ok(), "seq_pos_min");
  if (n_tokens < 1 || !nearest.ok()) return;
  const Need need = need_of_state(op.seq, static_cast<std::size_t>(n_tokens));
  replay_fails_ = op.fail >= 0;
  const Status removed = memory_->seq_rm(id(op.seq), n_tokens, -1);
  replay_fails_ = false;
  if (!removed && removed.error().code == ErrorCode::kOutOfWindow) {
    return expect(n_tokens < *nearest + 1, "a state that can be had");
  }
  expect(n_tokens >= *nearest + 1, "a state that cannot be had");
  const bool has_failed = !removed && removed.error().code == ErrorCode::kOutOfMemory;
  account_for_room(removed.ok() || has_failed, need, {op.seq});
  const bool is_private = labels_[static_cast<std::size_t>(seq.label)].n_holders() == 1;
  if (has_failed && is_private) return let_go(seq, SeqStatus::kLost);
  if (!removed) return;
  if (!is_private) {
    const int label = new_label();
    labels_[static_cast<std::size_t>(label)].lists =
        labels_[static_cast<std::size_t>(seq.label)].lists;
    hold(seq, label);
  }
  cut_off(labels_[static_cast<std::size_t>(seq.label)], static_cast<std::size_t>(n_tokens));
  seq.tokens.resize(static_cast<std::size_t>(n_tokens));
  seq.hash = fold(seq.base, seq.tokens);
}

void World::fork(const Op& op) {
  const std::uint32_t other = op.other % config_.n_seqs;
  const Status copied = memory_->seq_cp(id(op.seq), id(other), -1, -1);
  const SeqStatus status = seqs_[op.seq].status;
  const bool is_known = status == SeqStatus::kEmpty || status == SeqStatus::kLive;
  expect(copied.ok() == is_known, "seq_cp");
  if (!is_known || op.seq == other) return;
  const Seq source = seqs_[op.seq];
  if (source.label >= 0) ++labels_[static_cast<std::size_t>(source.label)].n_seqs;
  let_go(seqs_[other], SeqStatus::kEmpty);
  seqs_[other] = source;
}

void World::keep(const Op& op) {
  expect(memory_->seq_keep(id(op.seq)).ok(), "seq_keep");
  for (std::uint32_t i = 0; i < config_.n_seqs; ++i) {
    if (i == op.seq) continue;
    let_go(seqs_[i], SeqStatus::kEmpty);
    seqs_[i] = {};
  }
}

void World::clear(const Op& op) {
  expect(memory_->clear(op.n % 2).ok(), "clear");
  for (Seq& seq : seqs_) {
    let_go(seq, SeqStatus::kEmpty);
    seq = {};
  }
  while (op.n % 2 && !pins_.empty()) {
    expect(!pins_.back().handle.is_kept(), "clear with data evicts");
    unpin(pins_.size() - 1);
  }
}

void World::shift(const Op& op) {
  if (seqs_[op.seq].status != SeqStatus::kLive || seqs_[op.seq].tokens.empty()) return;
  expect(!memory_->seq_add(id(op.seq), 0, -1, 1 + static_cast<Pos>(op.n)).ok(), "seq_add");
  expect(!memory_->seq_div(id(op.seq), 0, -1, static_cast<int>(op.n % 4) * 2).ok(), "seq_div");
}

void World::checkpoint(const Op& op) {
  if (pins_.size() >= kPinsMax) unpin(op.other % pins_.size());
  auto made = memory_->checkpoint(id(op.seq), static_cast<double>(op.n));
  const bool is_live = seqs_[op.seq].status == SeqStatus::kLive;
  expect(made.ok() == is_live, "checkpoint");
  if (!made.ok() || !is_live) return;
  expect(made->pos() == static_cast<Pos>(seqs_[op.seq].tokens.size()) - 1, "checkpoint's position");
  ++labels_[static_cast<std::size_t>(seqs_[op.seq].label)].n_pins;
  pins_.push_back({std::move(*made), seqs_[op.seq]});
}

void World::start(const Op& op) {
  if (pins_.empty()) return;
  const Pin& pin = pins_[op.other % pins_.size()];
  expect(memory_->start(id(op.seq), pin.handle).ok(), "start");
  ++labels_[static_cast<std::size_t>(pin.state.label)].n_seqs;
  let_go(seqs_[op.seq], SeqStatus::kEmpty);
  seqs_[op.seq] = pin.state;
}

void World::write(const Op& op) {
  Blob blob{.bytes = {}, .state = seqs_[op.seq]};
  const bool ok = with_failing_allocation(op, [&] {
    auto bytes = memory_->state_write(id(op.seq));
    if (bytes.ok()) blob.bytes = std::move(*bytes);
    return bytes.ok();
  });
  expect(!ok || blob.state.status == SeqStatus::kLive, "state_write");
  expect(ok || op.fail_alloc >= 0 || blob.state.status != SeqStatus::kLive, "state_write");
  if (!ok) return;
  if (blobs_.size() >= kBlobsMax) blobs_.erase(blobs_.begin());
  blobs_.push_back(std::move(blob));
}

void World::park(const Op& op) {
  const Seq seq = seqs_[op.seq];
  const bool ok = with_failing_allocation(op, [&] { return memory_->park(id(op.seq)).ok(); });
  if (seq.status != SeqStatus::kLive) return expect(ok == (seq.status != SeqStatus::kLost), "park");
  expect(ok == accepted_.contains(op.seq) || has_failed_alloc_, "parked without leave");
  for (std::uint32_t i = 0; ok && i < config_.n_seqs; ++i) {
    if (seqs_[i].label != seq.label || seqs_[i].status != SeqStatus::kLive) continue;
    parked_[i] = accepted_.at(i);
    let_go(seqs_[i], SeqStatus::kParked);
  }
}

void World::read(const Op& op, const Blob& blob) {
  const Need need = need_of_state(op.seq, blob.state.tokens.size());
  const bool ok =
      with_failing_allocation(op, [&] { return memory_->state_read(blob.bytes, id(op.seq)).ok(); });
  account_for_room(ok, need, {op.seq});
  if (!ok) return;
  hold(seqs_[op.seq], new_label());
  grow(labels_[static_cast<std::size_t>(seqs_[op.seq].label)], 0, blob.state.tokens.size());
  seqs_[op.seq].tokens = blob.state.tokens;
  seqs_[op.seq].base = blob.state.base;
  seqs_[op.seq].hash = blob.state.hash;
}

// What a state has seen is forgotten, so that it is one that a sequence begins from. Keys and
// values have no such state.
void World::begin(const Op& op, Blob blob) {
  if (!groups_.empty()) return;
  store_le(blob.bytes.data() + kHeaderBytes + kSectionHeadBytes, std::uint64_t{0});
  reseal(blob.bytes);
  blob.state.tokens.clear();
  blob.state.base = blob.state.hash;
  read(op, blob);
}

void World::dump(const Op& op) {
  bool can = false;
  for (const Seq& seq : seqs_) can |= seq.status == SeqStatus::kLive;
  for (const Seq& seq : seqs_) {
    can &= seq.status == SeqStatus::kLive || seq.status == SeqStatus::kEmpty;
  }
  std::vector<std::byte> bytes;
  const bool ok = with_failing_allocation(op, [&] {
    auto made = memory_->state_write(std::nullopt);
    if (made.ok()) bytes = std::move(*made);
    return made.ok();
  });
  expect(ok == can || (can && op.fail_alloc >= 0), "state_write of all");
  if (!ok) return;
  if (dumps_.size() >= kDumpsMax) dumps_.erase(dumps_.begin());
  dumps_.push_back({std::move(bytes), seqs_});
}

void World::load(const Op& op) {
  if (dumps_.empty()) return;
  const Dump& dump = dumps_[op.other % dumps_.size()];
  const bool ok = with_failing_allocation(
      op, [&] { return memory_->state_read(dump.bytes, std::nullopt).ok(); });
  bool can = true;  // whether an empty memory has the pages; they are not shared any more
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    std::map<int, std::int64_t> n_pages;
    for (const Seq& seq : dump.seqs) {
      const auto n = static_cast<Pos>(seq.tokens.size());
      if (seq.label >= 0) n_pages[seq.label] = n_pages_of(n) - first_page_of(n, groups_[g]);
    }
    std::int64_t n_all = 0;
    for (const auto& [label, n] : n_pages) n_all += n;
    can &= n_all <= memory_->kv().lists(g).n_pages();
  }
  expect(!ok || can, "state_read of more than there is");
  expect(ok || !can || op.fail_alloc >= 0, "state_read of all");
  if (!ok) return;
  for (Seq& seq : seqs_) let_go(seq, SeqStatus::kEmpty);
  for (std::size_t i = pins_.size(); i-- > 0;) {
    if (!pins_[i].handle.is_kept()) unpin(i);
  }
  std::map<int, int> renamed;
  for (std::size_t i = 0; i < seqs_.size(); ++i) {
    seqs_[i] = dump.seqs[i];
    seqs_[i].label = -1;
    if (dump.seqs[i].label < 0) continue;
    const auto [it, is_new] = renamed.try_emplace(dump.seqs[i].label, -1);
    if (is_new) {
      it->second = new_label();
      grow(labels_[static_cast<std::size_t>(it->second)], 0, seqs_[i].tokens.size());
    }
    hold(seqs_[i], it->second);
  }
  expect(*memory_->state_write(std::nullopt) == dump.bytes, "a dump comes back the same");
}

void World::corrupt(const Op& op) {
  if (blobs_.empty()) return;
  const Blob& blob = blobs_[op.other % blobs_.size()];
  std::vector<std::byte> bytes = blob.bytes;
  const std::size_t at = mix(op.salt, 1) % bytes.size();
  switch (op.salt % 3) {
    case 0: bytes[at] ^= static_cast<std::byte>(1u << mix(op.salt, 2) % 8); break;
    case 1: bytes.resize(at); break;
    default: bytes.push_back(std::byte{0}); break;
  }
  if (op.n % 2 == 0) {
    return expect(!memory_->state_read(bytes, id(op.seq)).ok(), "damage is found");
  }
  // Whatever is let in without checksums is a state like any other: written, it can be read.
  Need need = need_of_state(op.seq, blob.state.tokens.size());
  for (auto& n : need.pinned.n_pages) ++n;  // a window may begin elsewhere
  for (auto& n : need.unpinned.n_pages) ++n;
  const bool ok = memory_->state_read(bytes, id(op.seq), Checksums::kIgnore).ok();
  if (!ok) return accepted_.clear();
  account_for_room(ok, need, {op.seq});
  const auto written = memory_->state_write(id(op.seq));
  expect(written.ok() && memory_->state_read(*written, id(op.seq)).ok(), "it is a state");
  remove(op);
}

// What an engine does about a lost state: computes the tokens again.
void World::recover(const Op& op) {
  if (seqs_[op.seq].status != SeqStatus::kLost) return;
  const std::vector<Token> tokens = seqs_[op.seq].tokens;
  expect(!memory_->seq_pos_max(id(op.seq)).ok(), "lost");
  remove(op);
  if (config_.n_cells == static_cast<std::uint32_t>(n_labels(true)) || tokens.empty()) return;
  const std::vector<BatchPart> batch = {{id(op.seq), tokens, Outputs::kLast}};
  const Need need = need_of(batch, config_.n_ubatch_max);
  auto context = memory_->init_batch(batch, config_.n_ubatch_max);
  account_for_room(context.ok(), need, {op.seq});
  if (context.ok()) compute(*context, batch, Op{});
}

void World::crash() {
  for (auto& [seq, blob] : parked_) {
    if (seqs_[seq].status != SeqStatus::kParked) continue;
    if (blobs_.size() >= kBlobsMax) blobs_.erase(blobs_.begin());
    blobs_.push_back(std::move(blob));
  }
  parked_.clear();
  pins_.clear();  // handles go before their memory
  evicted_.clear();
  seqs_.assign(config_.n_seqs, {});
  labels_.clear();
  free_labels_.clear();
  open();
}

void World::bad_id(const Op& op) {
  const std::int32_t ids[] = {-1, std::numeric_limits<std::int32_t>::min(),
                              static_cast<std::int32_t>(config_.n_seqs),
                              std::numeric_limits<std::int32_t>::max()};
  const SeqId bad(ids[op.other % 4]);
  const std::vector<Token> token = {Token(1)};
  const std::vector<BatchPart> batch = {{id(op.seq), token}, {bad, token}};
  expect(!memory_->seq_rm(bad, -1, -1).ok(), "seq_rm of a bad id");
  expect(!memory_->seq_cp(bad, id(op.seq), -1, -1).ok(), "seq_cp of a bad id");
  expect(!memory_->seq_cp(id(op.seq), bad, -1, -1).ok(), "seq_cp to a bad id");
  expect(!memory_->seq_keep(bad).ok(), "seq_keep of a bad id");
  expect(!memory_->init_batch(batch, 1).ok(), "init_batch of a bad id");
}

// --- The model
// ------------------------------------------------------------------------------------

int World::new_label() {
  if (!free_labels_.empty()) {
    const int label = free_labels_.back();
    free_labels_.pop_back();
    return label;
  }
  labels_.emplace_back();
  return static_cast<int>(labels_.size()) - 1;
}

void World::hold(Seq& seq, int label) {
  ++labels_[static_cast<std::size_t>(label)].n_seqs;
  let_go(seq, SeqStatus::kLive);
  seq.label = label;
}

void World::let_go(Seq& seq, SeqStatus status) {
  seq.status = status;
  if (seq.label < 0) return;
  Label& label = labels_[static_cast<std::size_t>(seq.label)];
  --label.n_seqs;
  if (label.n_holders() == 0) {
    label.lists.clear();
    free_labels_.push_back(seq.label);
  }
  seq.label = -1;
}

void World::unpin(std::size_t pin) {
  Label& label = labels_[static_cast<std::size_t>(pins_[pin].state.label)];
  --label.n_pins;
  if (label.n_holders() == 0) {
    label.lists.clear();
    free_labels_.push_back(pins_[pin].state.label);
  }
  std::swap(pins_[pin], pins_.back());
  pins_.pop_back();
}

int World::n_labels(bool with_pins) const {
  int n = 0;
  for (const Label& label : labels_) n += (with_pins ? label.n_holders() : label.n_seqs) > 0;
  return n;
}

// The sequences of each micro-batch.
std::vector<std::vector<std::uint32_t>> World::cut(const std::vector<BatchPart>& batch,
                                                   std::uint32_t n_ubatch) const {
  std::vector<std::vector<std::uint32_t>> out;
  std::size_t n_tokens = 0;
  for (const BatchPart& part : batch) {
    for (std::size_t i = 0; i < part.tokens.size(); ++i, ++n_tokens) {
      if (n_tokens % n_ubatch == 0) out.emplace_back();
      const auto seq = static_cast<std::uint32_t>(part.seq.value);
      if (out.back().empty() || out.back().back() != seq) out.back().push_back(seq);
    }
  }
  return out;
}

// Pages for n more tokens, without regard to what windows give back but for their span.
std::int64_t World::growth(std::uint32_t seq, std::size_t n, std::size_t n_at_once, bool in_place,
                           std::size_t group) const {
  const auto n_before =
      static_cast<Pos>(seqs_[seq].status == SeqStatus::kLive ? seqs_[seq].tokens.size() : 0);
  std::int64_t n_new =
      n_pages_of(n_before + static_cast<Pos>(n)) - n_before / kKvPage;  // the last is copied
  if (in_place && n_before % kKvPage != 0) {
    const auto& lists = labels_[static_cast<std::size_t>(seqs_[seq].label)].lists;
    n_new -= lists[group].pages.back().use_count() == 1 ? 1 : 0;
  }
  if (groups_[group] == 0) return n_new;
  return std::min(n_new, static_cast<std::int64_t>(n_window_pages(groups_[group], n_at_once)));
}

World::Need World::need_of(const std::vector<BatchPart>& batch, std::uint32_t n_ubatch) const {
  const auto ubatches = cut(batch, n_ubatch);
  Need need{needs(ubatches, true), needs(ubatches, false)};
  for (Needs* n : {&need.pinned, &need.unpinned}) {
    for (const BatchPart& part : batch) {
      const auto seq = static_cast<std::uint32_t>(part.seq.value);
      const std::size_t n_at_once = std::min<std::size_t>(n_ubatch, part.tokens.size());
      for (std::size_t g = 0; g < groups_.size(); ++g) {
        if (memory_->kv().is_ample(g)) continue;
        n->n_pages[g] += growth(seq, part.tokens.size(), n_at_once, n->in_place[seq], g);
      }
    }
  }
  return need;
}

// For a state of n_tokens in place of what the sequence has.
World::Need World::need_of_state(std::uint32_t seq, std::size_t n_tokens) const {
  const std::vector<std::vector<std::uint32_t>> ubatches = {{seq}};
  Need need{needs(ubatches, true), needs(ubatches, false)};
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (memory_->kv().is_ample(g)) continue;
    const auto n = static_cast<Pos>(n_tokens);
    const std::int64_t n_new = n_pages_of(n) - first_page_of(n, groups_[g]);
    const int label = seqs_[seq].label;
    std::int64_t n_own = 0;
    if (label >= 0) {
      for (const auto& page : labels_[static_cast<std::size_t>(label)].lists[g].pages) {
        n_own += page.use_count() == 1;
      }
    }
    const auto of = [&](const Needs& needs) {
      return std::max<std::int64_t>(0, n_new - (needs.n_labels == 0 ? n_own : 0));
    };
    need.pinned.n_pages[g] = of(need.pinned);
    need.unpinned.n_pages[g] = of(need.unpinned);
  }
  return need;
}

std::int64_t World::n_pages_used(std::size_t group, bool with_pins) const {
  std::set<const int*> used;
  for (const Label& label : labels_) {
    if ((with_pins ? label.n_holders() : label.n_seqs) == 0) continue;
    for (const auto& page : label.lists[group].pages) used.insert(page.get());
  }
  return static_cast<std::int64_t>(used.size());
}

bool World::fits(const Needs& needs, bool with_pins) const {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const std::int64_t n_all = memory_->kv().lists(g).n_pages();
    if (needs.n_pages[g] > n_all - n_pages_used(g, with_pins)) return false;
  }
  return needs.n_labels <= static_cast<int>(config_.n_cells) - n_labels(with_pins);
}

// The label's state goes on from n_before to n_after tokens; from 0 it is put there at once.
void World::grow(Label& label, std::size_t n_before, std::size_t n_after) {
  label.lists.resize(groups_.size());
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    PageList& list = label.lists[g];
    if (n_before % kKvPage != 0 && list.pages.back().use_count() > 1) {
      list.pages.back() = std::make_shared<int>();
    }
    while (list.end() < n_pages_of(static_cast<Pos>(n_after))) {
      list.pages.push_back(std::make_shared<int>());
    }
    const std::int64_t first =
        std::max(list.first, first_page_of(static_cast<Pos>(n_after), groups_[g]));
    list.pages.erase(list.pages.begin(), list.pages.begin() + (first - list.first));
    list.first = first;
  }
}

void World::cut_off(Label& label, std::size_t n_tokens) {
  for (PageList& list : label.lists) {
    list.pages.resize(
        static_cast<std::size_t>(n_pages_of(static_cast<Pos>(n_tokens)) - list.first));
  }
}

// The most labels beyond those held now, at any time, if these micro-batches are computed.
World::Needs World::needs(const std::vector<std::vector<std::uint32_t>>& ubatches,
                          bool with_pins) const {
  std::vector<Holders> labels(labels_.begin(), labels_.end());
  if (!with_pins) {
    for (Holders& label : labels) label.n_pins = 0;
  }
  std::map<std::uint32_t, bool> has_moved, in_place;
  int n_extra = 0, n_most = 0;
  for (const auto& ubatch : ubatches) {
    std::vector<std::uint32_t> moving;
    for (const std::uint32_t seq : ubatch) {
      const int label = seqs_[seq].label;
      const bool is_private =
          label >= 0 && labels[static_cast<std::size_t>(label)].n_holders() == 1;
      in_place.try_emplace(seq, is_private);
      if (!has_moved[seq] && !is_private) moving.push_back(seq);
    }
    n_extra += static_cast<int>(moving.size());
    n_most = std::max(n_most, n_extra);
    for (const std::uint32_t seq : moving) {
      has_moved[seq] = true;
      if (seqs_[seq].label < 0) continue;
      Holders& old = labels[static_cast<std::size_t>(seqs_[seq].label)];
      if (--old.n_seqs == 0 && old.n_pins == 0) --n_extra;
    }
  }
  return {.n_labels = n_most,
          .n_pages = std::vector<std::int64_t>(groups_.size()),
          .in_place = std::move(in_place)};
}

void World::account_for_room(bool ok, const Need& need, const std::vector<std::uint32_t>& in_use) {
  const bool fits_pinned = fits(need.pinned, true);
  const bool fits_unpinned = fits(need.unpinned, false);
  if (!ok) return expect(!fits_unpinned || has_failed_alloc_, "full though checkpoints could go");
  bool has_evicted = false;
  for (std::size_t i = pins_.size(); i-- > 0;) {
    if (pins_[i].handle.is_kept()) continue;
    has_evicted = true;
    if (evicted_.size() >= kPinsMax) evicted_.erase(evicted_.begin());
    evicted_.push_back(std::move(pins_[i].handle));
    unpin(i);
  }
  bool has_parked = false;
  for (std::uint32_t i = 0; i < config_.n_seqs; ++i) {
    if (!memory_->is_parked(id(i)) || seqs_[i].status == SeqStatus::kParked) continue;
    has_parked = true;
    expect(accepted_.contains(i), "parked without leave");
    expect(std::ranges::find(in_use, i) == in_use.end(), "parked out of its own batch");
    parked_[i] = accepted_[i];
    let_go(seqs_[i], SeqStatus::kParked);
  }
  expect(!has_evicted || !fits_pinned, "evicted without need");
  expect(!has_parked || !fits_unpinned, "parked without need");
}

// Runs f with allocation op.fail_alloc failing; false if it returned false or threw.
template <class F>
bool World::with_failing_allocation(const Op& op, const F& f) {
  fail_allocation(op.fail_alloc);
  bool ok = false;
  try {
    ok = f();
  } catch (const std::bad_alloc&) {  // of an error's message
  }
  has_failed_alloc_ = allocation_has_failed();
  fail_allocation(-1);
  return ok;
}

// --- Comparison
// -----------------------------------------------------------------------------------

void World::expect(bool condition, const char* what) {
  if (!condition && difference_.empty()) difference_ = what;
}

void World::compare() {
  const Status checked = memory_->check();
  if (!checked.ok() && difference_.empty()) difference_ = checked.error().message;
  expect(static_cast<int>(memory_->n_free_cells() + static_cast<std::uint32_t>(n_labels(true))) ==
             static_cast<int>(config_.n_cells),
         "free + used = all");
  for (std::uint32_t i = 0; i < config_.n_seqs; ++i) compare_state(i);
  compare_pages();
  const Ledger& ledger = memory_->ledger();
  for (std::uint32_t i = 0; !tensors_.empty() && i < config_.n_cells; ++i) {
    const CellId cell(static_cast<std::int32_t>(i));
    if (ledger[cell].use == CellUse::kFree)
      expect(!hash_at(tensors_[0], cell), "a free cell is wiped");
  }
}

std::string World::compare_thoroughly() {
  compare();
  const Status wiped = memory_->check_free_rows();
  if (!wiped.ok() && difference_.empty()) difference_ = wiped.error().message;
  const Ledger& ledger = memory_->ledger();
  for (std::uint32_t i = 0; i < config_.n_seqs; ++i) {
    const Seq& seq = seqs_[i];
    expect(seq.status != SeqStatus::kLive || seq.hash == fold(seq.base, seq.tokens),
           "the model itself");
    expect(memory_->seq_pos_max(id(i)).ok() ==
               (seq.status == SeqStatus::kLive || seq.status == SeqStatus::kEmpty),
           "seq_pos_max");
    if (seq.status != SeqStatus::kLive) continue;
    const std::string wrong =
        wrong_content(memory_->kv(), tensors_, ledger[id(i)].tail, seq.tokens, seq.base);
    expect(wrong.empty(), wrong.c_str());
  }
  for (const Pin& pin : pins_) {
    expect(pin.handle.is_kept(), "a checkpoint that nobody evicted");
  }
  for (const Checkpoint& handle : evicted_) {
    expect(!handle.is_kept(), "a checkpoint that was evicted");
  }
  return difference_;
}

// As many pages are used as there are; and all of one sequence's content.
void World::compare_pages() {
  if (groups_.empty()) return;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const KvLists& lists = memory_->kv().lists(g);
    expect(n_pages_used(g, true) == std::int64_t{lists.n_pages()} - lists.n_free(), "pages used");
  }
  const std::uint32_t i = n_compared_++ % config_.n_seqs;
  if (seqs_[i].status != SeqStatus::kLive || !difference_.empty()) return;
  const std::string wrong = wrong_content(memory_->kv(), tensors_, memory_->ledger()[id(i)].tail,
                                          seqs_[i].tokens, seqs_[i].base);
  expect(wrong.empty(), wrong.c_str());
}

void World::compare_state(std::uint32_t i) {
  const Seq& seq = seqs_[i];
  const Sequence& found = memory_->ledger()[id(i)];
  expect(found.status == seq.status, "status of a sequence");
  if (seq.status != SeqStatus::kLive || found.status != SeqStatus::kLive) return;
  expect(found.n_tokens == static_cast<Pos>(seq.tokens.size()), "tokens of a sequence");
  if (tensors_.empty()) return;
  const StateTensor& t = tensors_[i % tensors_.size()];
  expect(hash_at(t, found.tail) == (seq.hash ^ keys_[i % tensors_.size()]), "state of a sequence");
}

std::optional<std::uint64_t> World::hash_at(const StateTensor& t, CellId cell) const {
  if (const std::byte* row = t.rows.host_row(cell.value)) {
    return take_hash(DType::kF32, std::span(row, 12));
  }
  return read_hash(t.rows, cell.value);
}

}  // namespace eddy::test
