"""Deliberate mistakes in src/memory, each of which a test must notice.

A mutant is (name, what it does, [(file, text, replacement), ...]); a text occurs exactly once in its
file. A1 .. E7 are the defects of docs/decisions/0012-recurrent-memory-defects.md, put into our code;
X1 and on, K1 and on for pages, W1 and on for the store of states, P1 and on for the prefix tree,
L1 and on for the update log, and Z1 and on for codecs, are mistakes of our own making that the design
invites.
"""

BATCH = "recurrent_memory_batch.cpp"
STAGED = "staged_slot.cpp"
IO = "state_io.cpp"
CORE = "recurrent_memory.cpp"
SEQ = "recurrent_memory_seq.cpp"
STATE = "recurrent_memory_state.cpp"
VIEW = "state_view.cpp"
KV = "kv_memory.cpp"
STORE = "dir_store.cpp"
OPEN = "dir_store_open.cpp"
BLOB = "blob_file.cpp"
CATALOGUE = "state_catalogue.cpp"
TREE = "prefix_tree.cpp"
NODES = "prefix_nodes.cpp"
EVICT = "prefix_tree_evict.cpp"
CAPTURES = "capture_plan.cpp"
CODEC = "state_codec.cpp"
ROWS = "packed_rows.cpp"

MUTANTS = [
    # --- A: process death ---
    ("A1", "negative ids pass for sequences", [(
        CORE, "if (ledger_.contains(seq)) return {};",
        "if (seq.value < static_cast<std::int32_t>(n_seq_max())) return {};")]),
    ("A2", "many states are taken for one sequence", [(
        VIEW, "if (u32(kContentAt) != static_cast<std::uint32_t>(content)) {",
        "if (u32(kContentAt) > 2) {")]),
    ("A3", "a count is not compared with the bytes left", [(
        VIEW, " || n_left - kSectionExtraBytes < n_payload) {", ") {")]),
    ("A4", "ids of a dump are not looked up", [(
        STATE, "if (!ledger_.contains(last))", "if (last == SeqId(-7))")]),
    ("A5", "division by what the caller gives", [(
        SEQ, "if (d < 1) return", "if (ledger_[seq].n_tokens % d > ledger_[seq].n_tokens) return")]),
    ("A6", "a part may have no token", [(BATCH, "if (part.n_tokens == 0 ||", "if (")]),
    ("A7", "an empty batch is taken for one", [(
        BATCH, "if (batch.empty())", "if (batch.size() > ~1ull)")]),
    ("A8", "a shared state is written for each sharer", [(
        IO, "if (number == kNone) {", "if (number != kNone - 1) {")]),
    # --- B: one sequence's state reaches another ---
    ("B1", "a failed update in place is kept", [(
        STAGED, "ledger.drop(entry.seq, SeqStatus::kLost);", "continue;")]),
    ("B1b", "a shared tail is updated in place", [(
        STAGED, "if (!is_private || entry.is_moved)",
        "if (ledger[part.seq].status != SeqStatus::kLive || entry.is_moved)")]),
    ("B2", "a new sequence starts from what is in its cell", [(
        STAGED, "src == CellId() ? kZeroRow : src.value",
        "src == CellId() ? dst.value : src.value")]),
    ("B3", "negative positions can be read", [(
        VIEW, "if (count > static_cast<std::uint64_t>(format_->n_tokens_max)) {",
        "if (count > ~1ull) {")]),
    ("B4", "cut bytes are read", [
        (VIEW, "if (u64(kSizeAt) != bytes_.size()) {", "if (u64(kSizeAt) == 1) {"),
        (VIEW, "if (n_left < kSectionExtraBytes || n_left - kSectionExtraBytes < n_payload) {",
         "if (n_left == 1) {"),
        (VIEW, "if (at == bytes_.size() - kTrailerBytes) return {};", "if (at != 1) return {};")]),
    ("B5", "rows are wiped by multiplying with zero", [(
        "state_tensors.cpp", "t.rows.buffer->zero(offset_of(t, cell), t.rows.stride);",
        "std::vector<float> row(t.row_bytes / 4);"
        "t.rows.buffer->read(offset_of(t, cell), std::as_writable_bytes(std::span(row)));"
        "for (float& x : row) x *= 0.0f;"
        "t.rows.buffer->write(offset_of(t, cell), std::as_bytes(std::span(row)));")]),
    ("B6", "a released cell is not wiped", [("ledger.cpp", "  tensors_.wipe(id);\n", "")]),
    ("B7", "a copy's destination is not checked", [(SEQ, "  EDDY_TRY(check_seq(dst));\n", "")]),
    ("B8", "a dump is cleared for before it is validated", [(
        STATE, "  const auto view = StateView::parse(",
        "  if (!seq) (void)clear(false).ok();\n  const auto view = StateView::parse(")]),
    ("B9", "a fork is one token behind", [(
        SEQ, "ledger_.set_tail(dst, s.tail, s.n_tokens);",
        "ledger_.set_tail(dst, s.tail, s.n_tokens > 1 ? s.n_tokens - 1 : 1);")]),
    # --- C: silent wrong results ---
    ("C1", "removing a part succeeds and does nothing", [(
        SEQ, "if (removed == Overlap::kNone) return {};",
        "if (removed != Overlap::kWhole) return {};")]),
    ("C2", "copying a part copies all", [(SEQ, "  if (!is_all) {", "  if (!is_all && p0 > 99) {")]),
    ("C3", "a shift succeeds", [(
        SEQ, "if (shift == 0 ||", "if (shift < 99 ||")]),
    ("C4", "a micro-batch counts as one token", [(
        STAGED, "ledger[entry.seq].n_tokens + entry.n_tokens", "ledger[entry.seq].n_tokens + 1")]),
    ("C5", "a failed micro-batch is published", [(
        STAGED, "    ledger.unstage(entry.dst);",
        "    ledger.set_tail(entry.seq, entry.dst,"
        " ledger[entry.seq].n_tokens + entry.n_tokens);")]),
    ("C6", "a published micro-batch does not advance", [(
        STAGED, "ledger[entry.seq].n_tokens + entry.n_tokens",
        "ledger[entry.seq].n_tokens > 0 ? ledger[entry.seq].n_tokens : entry.n_tokens")]),
    ("C7", "apply ignores a failed placement", [(
        "recurrent_context.cpp", "return memory_->find_slot(ubatch());",
        "(void)memory_->find_slot(ubatch()).ok();\n  return {};")]),
    ("C8", "positions are said to be shiftable", [(
        "recurrent_memory.h", "bool get_can_shift() const { return false; }",
        "bool get_can_shift() const { return true; }")]),
    ("C9", "only the first row is validated", [(
        VIEW, "    if (const auto element = first_non_finite(expected.type, elements)) {",
        "    const bool is_first = &expected == format_->rows.data();\n"
        "    if (const auto element = first_non_finite(expected.type, elements);"
        " element && is_first) {")]),
    ("C10", "checksums are not verified", [(
        VIEW, "  StateView view;\n", "  StateView view;\n  checksums = Checksums::kIgnore;\n")]),
    ("C10b", "another model's state is read", [(
        VIEW, "identity.data(), identity.size()) != 0) {", "identity.data(), 0) != 0) {")]),
    ("C11", "bytes do not say whether they hold one or all", [(
        "state_writer.cpp", "  put(static_cast<std::uint32_t>(content));",
        "  put(content == StateContent::kAll ? 1u : 1u);")]),
    ("C12", "a dump of nothing is read", [(
        VIEW, "if (n_named == 0 || n_named != n_states_) {", "if (n_named != n_states_) {")]),
    ("C13", "the memory can be changed under a context", [(
        CORE, "if (!walk_.is_open) return {};", "if (n_seq_max() > 0) return {};")]),
    ("C13b", "a state is written while it is updated in place", [(
        STATE, "  EDDY_TRY(check_idle());  // a kernel", "  // a kernel")]),
    ("C14", "checks find nothing", [(
        "ledger_check.cpp", "  EDDY_TRY(check_slot(cells_, slot, n_staged));\n",
        "  (void)slot, (void)check_slot;\n")]),
    # --- D: blow-ups ---
    ("D1", "publishing touches rows", [(
        "ledger.cpp", "  cells_[cell].last_used = ++tick_;\n  if (old",
        "  cells_[cell].last_used = ++tick_;\n  std::byte b[1];\n"
        "  tensors_.read(tensors_.all()[0], cell, b);\n  if (old")]),
    ("D2", "a micro-batch has one sequence", [(
        "batch_cutter.cpp", "while (part_ < batch_.size() && tokens_.size() < n_ubatch_) {",
        "while (part_ < batch_.size() && tokens_.size() < n_ubatch_ && parts_.empty()) {")]),
    ("D3", "planning walks all cells", [(
        "slot_planner.cpp", "  ++plan_;\n",
        "  ++plan_;\n  for (std::uint32_t i = 0; i < ledger_.mem_size(); ++i) {\n"
        "    volatile auto use = ledger_[CellId(static_cast<std::int32_t>(i))].use;\n"
        "    (void)use;\n  }\n")]),
    ("D4", "a batch allocates", [(
        "batch_cutter.cpp", "  batch_.assign(batch.begin(), batch.end());",
        "  batch_ = std::vector<BatchPart>(batch.begin(), batch.end());")]),
    ("D5", "a position query walks all sequences", [(
        SEQ, "  return ledger_[seq].n_tokens - 1;",
        "  Pos found = -1;\n  for (std::uint32_t i = 0; i < n_seq_max(); ++i) {\n"
        "    volatile auto n = ledger_[SeqId(static_cast<std::int32_t>(i))].n_tokens;\n"
        "    if (static_cast<std::int32_t>(i) == seq.value) found = n - 1;\n  }\n"
        "  return found;")]),
    ("D6", "no more sequences than cells", [(
        CORE, "  return StateTensors::create({",
        "  if (params.n_seq_max > params.mem_size) {\n"
        "    return fail(ErrorCode::kInvalidArgument, \"too many sequences\");\n  }\n"
        "  return StateTensors::create({")]),
    ("D7", "the cell of a lost state is never free again", [(
        "ledger.cpp", "  s.n_tokens = 0;\n  if (cells_.contains(old))",
        "  s.n_tokens = 0;\n  if (cells_.contains(old) && status != SeqStatus::kLost)")]),
    ("D8", "sizes overflow", [(
        "state_tensors.cpp", "stride ? checked_mul(*stride, mem_size) : std::nullopt",
        "stride ? std::optional(std::uint64_t(*stride * mem_size)) : std::nullopt"),
        ("state_tensors.cpp", "row_bytes(tensor.rows.type, tensor.rows.n_elems)",
         "std::optional(tensor.rows.n_elems * dtype_info(tensor.rows.type).block_bytes)")]),
    ("D9", "a micro-batch has a token too many", [(
        "batch_cutter.cpp", "std::min(n_left, n_ubatch_ - tokens_.size())",
        "std::min(n_left, n_ubatch_ + 1 - tokens_.size())")]),
    ("D10", "a read allocates after it has dropped all", [
        (STATE, "  std::vector<Installed> states(view.n_states());\n", ""),
        (STATE, "  [[maybe_unused]] const Status has_room",
         "  std::vector<Installed> states(view.n_states());\n"
         "  [[maybe_unused]] const Status has_room")]),
    ("D11", "errors are logged", [
        (CORE, "  return fail(ErrorCode::kInvalidArgument, \"sequence {}, expected 0 .. {}\"",
         "  std::fputs(\"bad sequence\\n\", stderr);\n"
         "  return fail(ErrorCode::kInvalidArgument, \"sequence {}, expected 0 .. {}\""),
        (CORE, "#include <algorithm>\n", "#include <algorithm>\n#include <cstdio>\n")]),
    # --- E: serialised states ---
    ("E1", "a failed write is a success", [(
        STATE,
        "  return Error{ErrorCode::kOutOfMemory, \"state bytes\"};\n}\n\n"
        "Result<std::vector<std::byte>> RecurrentMemory::state_write(const Checkpoint",
        "  return std::vector<std::byte>();\n}\n\n"
        "Result<std::vector<std::byte>> RecurrentMemory::state_write(const Checkpoint")]),
    ("E2", "a sequence is dropped before its new state is validated", [(
        STATE, "  const auto view = StateView::parse(",
        "  if (seq) ledger_.drop(*seq, SeqStatus::kEmpty);\n"
        "  const auto view = StateView::parse(")]),
    ("E3", "a load into a bad id clears all", [(
        STATE, "  if (seq) EDDY_TRY(check_seq(*seq));",
        "  if (seq && !check_seq(*seq).ok()) (void)clear(false).ok();\n"
        "  if (seq) EDDY_TRY(check_seq(*seq));")]),
    ("E4", "writing an empty sequence gives bytes", [(
        STATE, "    return fail(ErrorCode::kNotFound, \"sequence {} is empty: no state to write\","
        " seq->value);", "    return std::vector<std::byte>(16);")]),
    ("E5", "a section's length is not checked", [(
        VIEW, " || u64(at + 8) != n_payload) {", ") {")]),
    ("E6", "trailing bytes are read", [
        (VIEW, "if (u64(kSizeAt) != bytes_.size()) {", "if (u64(kSizeAt) > bytes_.size()) {"),
        (VIEW, "if (at == bytes_.size() - kTrailerBytes) return {};",
         "if (at <= bytes_.size() - kTrailerBytes) return {};")]),
    ("E7", "the version is not checked", [(
        VIEW, "if (u32(kVersionAt) != kStateVersion) {", "if (u32(kVersionAt) > 99) {")]),
    # --- X: mistakes that our own design invites ---
    ("X1", "the most worth is evicted first", [(
        "eviction.cpp", "v.is_parked ? 0.0 : v.worth", "v.is_parked ? 0.0 : -v.worth")]),
    ("X2", "an evicted checkpoint's handle stays good", [(
        "ledger.cpp", "  ++cell.pin_generation;\n", "")]),
    ("X3", "the plan forgets cells that all sharers left", [(
        "slot_planner.cpp", "if (n_holders(ledger_[uses_[i].part.seq].tail) == 0) ++n_freed;", "")]),
    ("X4", "the plan forgets that sharers move away", [(
        "slot_planner.cpp", "    mark->n_left += mark->n_leaving;\n", "")]),
    ("X5", "the plan ignores checkpoints", [(
        "slot_planner.cpp", "mark.loss == Loss::kNothing ? ledger_[cell].n_pins : 0;", "0;")]),
    ("X6", "a pinned tail is updated in place", [(
        "ledger.cpp", "cells_[s.tail].n_holders() == 1", "cells_[s.tail].n_sharers == 1")]),
    ("X7", "sequences of the batch are parked", [(
        BATCH, "if (!planner_.uses(seq)) ledger_.drop(", "ledger_.drop(")]),
    ("X30", "those that share a cell with the batch stay in it", [(
        "eviction.cpp", "planner.uses(id) ? planner.is_shared_with_idle(id) :",
        "planner.uses(id) ? false :")]),
    ("X31", "a refusal of those that share a cell with the batch is not heard", [(
        "eviction.cpp", "loss_helps(victim, planner) && (!victim.is_parked || may_park(victim.cell))",
        "loss_helps(victim, planner)")]),
    ("X32", "those of the batch are offered with those that share their cell", [(
        BATCH, "if (!planner_.uses(seq)) seqs.push_back(seq);", "seqs.push_back(seq);")]),
    ("X33", "park() spares those of the last batch", [(
        BATCH, "  planner_.begin();      // nobody is at work\n", "")]),
    ("X8", "idle states go before checkpoints", [(
        "eviction.cpp", "return std::tuple(v.is_parked,", "return std::tuple(!v.is_parked,")]),
    ("X9", "age does not count", [(
        "eviction.cpp", "v.worth, v.last_used, v.cell", "v.worth, 0, v.cell")]),
    ("X10", "unpinning that saves nothing is done", [(
        "eviction.cpp", "  return helps;\n", "  return true;\n")]),
    ("X11", "a refusal to be parked is not heard", [(
        "eviction.cpp", "} else if (!victim.is_parked || may_park(victim.cell)) {",
        "} else if (!victim.is_parked || (may_park(victim.cell), true)) {")]),
    ("X12", "a lost sequence can be extended", [(
        "sequences.h", "s.status == SeqStatus::kEmpty ||", "s.status != SeqStatus::kParked ||")]),
    ("X13", "a parked sequence can be extended", [(
        "sequences.h", "s.status == SeqStatus::kEmpty ||", "s.status != SeqStatus::kLost ||")]),
    ("X25", "a lost sequence can be asked and copied", [(
        CORE, "if (status == SeqStatus::kLost) {", "if (status == SeqStatus::kLost && seq.value < 0) {")]),
    ("X26", "a parked sequence can be asked and copied", [(
        CORE, "if (status == SeqStatus::kParked) {",
        "if (status == SeqStatus::kParked && seq.value < 0) {")]),
    ("X14", "parked sharers are forgotten but for the first", [(
        BATCH, "    seq = next;\n", "    break;\n")]),
    ("X27", "park() leaves sequences where they are", [(
        BATCH, "  drop_to_owner(tail);\n", "")]),
    ("X28", "park() does not hear a refusal", [(
        BATCH, "  EDDY_TRY(offered);\n", "  (void)offered.ok();\n")]),
    ("X29", "the owner may change the memory while park() asks it", [(
        BATCH, "  walk_.is_open = true;  // the owner must not change us now\n", "")]),
    ("X15", "sequences of a dump need not be in order", [(
        VIEW, "if (seq.value <= last_id || state > n_named) {", "if (seq.value < 0 || state > n_named) {")]),
    ("X16", "infinities of F16 are finite", [(
        "finite.cpp", "type == DType::kF16 ? 0x7C00u : 0x7F80u", "0x7F80u")]),
    ("X17", "the walk ends one micro-batch early", [(
        "recurrent_context.cpp", "if (walk.cutter.next()) return true;",
        "if (walk.cutter.next() && walk.cutter.ubatch().parts.size() > 1) return true;")]),
    ("X18", "a repeated id slips through where a cut lies between", [(
        BATCH, "if (is_repeated || !plan_part(", "if (!plan_part(")]),
    ("X19", "positions may overflow", [(
        BATCH, "part.n_tokens == 0 || part.n_tokens > n_tokens_left(part.seq)",
        "part.n_tokens == 0")]),
    ("X20", "offload does not choose", [(
        "state_tensors.cpp", "params.offload ? params.layer_devices[i]->buffer_type() : host_buffer_type()",
        "params.layer_devices[i]->buffer_type()")]),
    ("X21", "rows are read as host memory", [(
        "state_tensors.cpp", "t.rows.buffer->read(offset_of(t, cell) + first, out);",
        "std::copy_n(t.rows.buffer->host() + offset_of(t, cell) + first, out.size(), out.begin());")]),
    ("X22", "one buffer for all buffer types", [(
        "buffer_plan.cpp", "const auto index = static_cast<std::size_t>(found - pools_.begin());",
        "const std::size_t index = found == pools_.begin() ? 0 : 0;")]),
    ("X23", "the last output of a part is wanted in every micro-batch", [(
        "batch_cutter.cpp", "source.outputs == Outputs::kLast && is_last",
        "source.outputs == Outputs::kLast")]),
    ("X24", "clear with data keeps the checkpoints", [(
        SEQ, "  if (!data) return {};\n", "  return {};\n")]),
    # --- K: pages of keys and values ---
    ("K1", "a page that others have is written", [(
        KV, "if (group.lists.n_holders(page) == 1) return;", "return;")]),
    ("K2", "a page is renewed, its rows are not copied", [(
        KV, "      layer.buffer->write(page_offset(layer, copy) + offset, rows);\n", "")]),
    ("K3", "V is not copied", [(KV, "    copy_rows(layer.k_bytes * kKvPage, layer.v_bytes);\n", "")]),
    ("K4", "sharing a page does not count", [(
        "kv_lists.cpp", "  for (std::int32_t i = 0; i < n; ++i) ++n_holders_[index(ids(dst)[i])];\n", "")]),
    ("K5", "a window gives a page back too early", [(
        KV, "first_page_of(n_tokens_[cell], group.window);",
        "first_page_of(n_tokens_[cell] + 1, group.window);")]),
    ("K6", "a window gives nothing back", [(
        KV, "void KvMemory::settle(CellId cell) noexcept {\n",
        "void KvMemory::settle(CellId cell) noexcept {\n  if (cell.value >= 0) return;\n")]),
    ("K7", "a cell is released, its pages are not", [
        ("ledger.cpp", "  tensors_.wipe(id);\n  kv_.release(id);\n", "  tensors_.wipe(id);\n")]),
    ("K8", "the plan forgets pages", [(
        "slot_planner.cpp", "add_pages(uses_[last], is_in_place);", "void();")]),
    ("K9", "the plan forgets the copy of a page", [(
        "kv_needs.cpp", "first_new -= is_shared ? 1 : 0;", "(void)is_shared;")]),
    ("K10", "the plan asks for the whole length of a window's prompt", [(
        "kv_needs.cpp", "return std::min(n_new, n_list - std::min(n_list, n_back));",
        "return n_new;")]),
    ("K11", "the plan counts on pages that others keep", [(
        "kv_needs.cpp", "return lists.n_holders(page) == 1; }", "return lists.n_holders(page) >= 1; }")]),
    ("K12", "a page is not wiped", [(
        KV, "    layer.buffer->zero(page_offset(layer, page), layer.stride);\n", "")]),
    ("K13", "eviction counts shared pages as free", [(
        "kv_room.cpp", "if (--groups_[g].n_holders[static_cast<std::size_t>(page)] == 0) ++groups_[g].n_free;",
        "--groups_[g].n_holders[static_cast<std::size_t>(page)];\n      ++groups_[g].n_free;")]),
    ("K14", "what was evicted in vain is not spared", [(
        "eviction.cpp", "  if (fits()) spare(planner);\n", "")]),
    ("K15", "eviction ends before there are pages", [(
        "eviction.cpp", "n_cells_needed_ <= n_cells_free_ && room_.fits(n_pages_needed_)",
        "n_cells_needed_ <= n_cells_free_")]),
    ("K16", "owners are asked to park in vain", [(
        "eviction.cpp", "  if (!all_would_fit(planner)) return false;\n", "")]),
    ("K17", "free pages are not looked at", [(
        "ledger.cpp", "    if (needs.n_pages[g] > kv_.lists(g).n_free()) return false;\n", "")]),
    ("K18", "the digest forgets windows", [(
        "state_format.cpp", "      layout.add(static_cast<std::uint32_t>(row.window), 4);\n", "")]),
    ("K19", "the digest forgets the type of K and V", [(
        "state_format.cpp", "      layout.add(static_cast<std::uint32_t>(row.type), 4);\n", "")]),
    ("K20", "a dump is read without pages for it", [(
        STATE, "if (needs.n_pages[g] <= kv_.lists(g).n_pages()) continue;", "continue;")]),
    ("K21", "an end is removed from all who share it", [(
        SEQ, "  if (ledger_.is_private(seq)) {\n    kv_", "  if (n_tokens > 0) {\n    kv_")]),
    ("K22", "an end is removed that a window has passed", [(
        SEQ, "if (n_tokens < kv_.n_tokens_min(tail)) {", "if (n_tokens < 0) {")]),
    ("K23", "a recurrent state is cut", [(
        SEQ, "is_recurrent() ? rewind(seq, p0) : remove_end", "remove_end")]),
    ("K24", "a lane begins behind its tokens", [(
        KV, "static_cast<std::int32_t>(n_tokens_[cell]) - n_tokens",
        "static_cast<std::int32_t>(n_tokens_[cell])")]),
    ("K25", "positions outgrow 31 bits", [(
        "state_format.cpp", ": std::numeric_limits<std::int32_t>::max();",
        ": std::numeric_limits<Pos>::max();")]),
    ("K26", "scales of Q8_0 are not looked at", [(
        "finite.cpp", "if (type == DType::kQ8_0) {", "if (type == DType::kQ4_0) {")]),
    ("K27", "a window's pool is taken for ample", [(
        "kv_memory_create.cpp", "plan.is_ample = n_most <= n_all;", "plan.is_ample = true;")]),
    ("K28", "a window's list is a page too short", [(
        "kv_memory.h", "return (n_steps + kKvPage - 1) / kKvPage + 1;",
        "return (n_steps + kKvPage - 1) / kKvPage;")]),
    ("K29", "a shared state is counted on to make room for another", [(
        "slot_planner.cpp", "is_in_place ? tail : CellId());", "tail);")]),
    ("K30", "pages are counted on that others take along", [(
        "slot_planner.cpp", "is_in_place && mark->n_left == 0", "is_in_place")]),
    # --- L: the update log and its anchors ---
    ("L1", "an anchor that has gone is used", [(
        "ledger.cpp", "cell.n_anchored > 0 && cell.anchor_generation == anchor.generation",
        "cell.use != CellUse::kFree")]),
    ("L2", "an anchor's cell is taken while a state is made from it", [(
        SEQ, "if (!is_last) ledger_.hold_anchor(anchor.cell);", ""), (
        SEQ, "if (!is_last) ledger_.let_go_anchor(anchor.cell);", "")]),
    ("L3", "an anchor is evicted as a checkpoint while a state is made from it", [(
        "eviction.cpp", " || cell.is_source", "")]),
    ("L4", "a tail that is an anchor is updated in place", [(
        STAGED, "} else if (is_private && ledger.is_anchor(entry.src)) {",
        "} else if (entry.n_tokens < 0) {")]),
    ("L5", "a rewound tail stays the anchor that it was", [(
        SEQ, "if (is_in_place) ledger_.forget_as_anchor(tail);", "")]),
    ("L6", "the log's last page is written though others have it", [(
        "update_log.cpp", "if (lists_.n_holders(page) == 1) return;", "return;")]),
    ("L8", "pages of the log are given back unwiped", [(
        "update_log.cpp", "layer.buffer->zero(page_offset(layer, page), layer.stride);",
        "(void)page;")]),
    ("L9", "pages stay with the anchor when a step fails", [(
        "ledger.cpp", "  kv_.give_back(dst, src, n_tokens);\n", "")]),
    ("L10", "what a failed step has logged stays", [(
        "ledger.cpp", "  log_.truncate(dst, n_tokens);\n  log_.move(dst, src);",
        "  log_.move(dst, src);")]),
    ("L11", "states caught by a failed step are lost cells", [(
        STAGED, "for (const Anchor& capture : entry.captures()) ledger.unstage(capture.cell);", "")]),
    ("L12", "the state is made from the oldest anchor's tokens on, but from the newest's rows", [(
        SEQ, "log_.lane(tail, anchor.n_tokens)", "log_.lane(tail, log_.first(tail))")]),
    ("L13", "a checkpoint keeps a log", [(
        "ledger.cpp", "  forget_past(id);  // a checkpoint is one state\n", "")]),
    ("L14", "anchors beyond what is kept are named", [(
        SEQ, "if (anchor.n_tokens <= n_tokens) kept.add(anchor);", "kept.add(anchor);")]),
    ("L15", "a window shows no more than without a log", [(
        "kv_memory_create.cpp", "layer.window == 0 ? 0 : layer.window + n_rewind",
        "layer.window + 0 * n_rewind")]),
    ("L16", "the window before the end is not covered", [(
        STAGED, "for (const Pos n : {last - window, last}) {", "for (const Pos n : {last}) {")]),
    ("L17", "cells that no part needs are counted twice", [(
        STAGED, "n_spare_ -= ledger.is_private(part.seq) ? 0u : 1u;", "(void)part;")]),
    # --- The store of states ---
    ("W1", "a content is named before it is in its place", [
        (STORE, "    if (!is_known || !is_sound(entry)) EDDY_TRY(keep(entry, bytes));\n", ""),
        (STORE, "    if (!is_known) n_owned_ +=", "    EDDY_TRY(keep(entry, bytes));\n"
         "    if (!is_known) n_owned_ +=")]),
    ("W2", "a content that is there is taken for sound", [(
        STORE, "!is_known || !is_sound(entry)", "!is_known")]),
    ("W3", "a content that nobody names is trusted", [(
        STORE, "!is_known || !is_sound(entry)", "!is_sound(entry)")]),
    ("W4", "a content goes before the catalogue has forgotten it", [(
        STORE, "    EDDY_TRY(apply({.erased = {name}}));\n    return remove_unused(entry);",
        "    fs_->remove(blob_path(entry.digest));\n"
        "    EDDY_TRY(apply({.erased = {name}}));\n    return remove_unused(entry);")]),
    ("W5", "a content goes with the first of its names", [
        (STORE, "  if (is_used) return {};\n  n_owned_", "  n_owned_"),
        (STORE, "  if (is_used) return {};\n  const", "  const")]),
    ("W6", "a content's digest is not compared", [(
        BLOB, "if (checksum128(content) != entry.digest) {", "if (content.size() > ~1ull) {")]),
    ("W7", "a content is taken for the one that was asked for", [(
        STORE, "if (blob->entry.digest != entry.digest) {", "if (entry.n_bytes > ~1ull) {")]),
    ("W8", "files are removed right after the catalogue was lost", [(
        OPEN, "if (!repairs_.is_rebuilt) EDDY_TRY(collect_orphans());",
        "EDDY_TRY(collect_orphans());")]),
    ("W9", "the seal is not checked", [(
        CATALOGUE, "  EDDY_TRY(check_seal());\n", "")]),
    ("W10", "a disk that fails is taken for a damaged catalogue", [(
        CATALOGUE, "read_failure(verdict).value_or(damaged(verdict.c_str()))",
        "damaged(verdict.c_str())")]),
    ("W11", "two writers write", [(
        OPEN, "if (locked >= 0) {", "if (locked >= 0 || locked == -EWOULDBLOCK) {")]),
    ("W12", "orphans stay", [(OPEN, "if (used.contains(name) || !is_ours(name)) continue;",
                              "continue;")]),
    ("W13", "strangers are removed", [(
        OPEN, "if (used.contains(name) || !is_ours(name)) continue;",
        "if (used.contains(name)) continue;")]),
    ("W14", "pinned states go to make room", [(
        "store_budget.cpp", "if (contents_[key(entry)].is_pinned) continue;", "")]),
    ("W15", "states go that free nothing", [(
        "store_budget.cpp", "content.is_pinned || entry.state.is_pinned", "entry.state.is_pinned")]),
    ("W16", "what a replaced content owned is counted for ever", [(
        STORE, "    if (old) (void)remove_unused(*old).ok();\n",
        "    if (old) fs_->remove(blob_path(old->digest));\n")]),
    ("W17", "gets are no uses", [(
        STORE, "if (lock_ >= 0) stored->entry.last_use_us = uses_[name] = use();", "")]),
    ("W18", "a folder that was made is not private", [(OPEN, "= 0700;", "= 0755;")]),
    ("W20", "the catalogue is always synced", [(
        CATALOGUE, "outlives == Outlives::kPowerCut ?", "outlives != Outlives(7) ?")]),
    ("W21", "folders are always synced", [(
        OPEN, "  if (options_.outlives == Outlives::kProcess) return {};\n", "")]),
    ("W22", "a content in memory goes with the first of its names", [(
        "map_store.cpp", "if (--content->second.n_names > 0) return;",
        "--content->second.n_names;")]),
    ("W23", "what a name in memory had before stays", [(
        "map_store.cpp", "    if (!is_new) let_go(kept->second.content);\n", "")]),
    ("W25", "a file that waits to be removed goes though it came back", [(
        STORE, "  if (is_used) return {};\n  const", "  const")]),
    ("W26", "files that wait to be removed stay", [(
        STORE, "  waiting_.push_back(entry.digest);\n", "")]),
    ("W24", "a statement is not set back", [("sql.cpp", "  sqlite3_reset(statement);\n", "")]),
    ("W19", "a later version of the catalogue is made anew", [(
        CATALOGUE, "application == kApplication && version > kCatalogueVersion", "version < 0")]),
    # --- P: the prefix tree, its plans and its policy ---
    ("P1", "a state at the very end is started from without logits", [(
        TREE, "if (node.end == n_tokens && !node.entry->has_logits) return;", "")]),
    ("P2", "tenants share a tree", [(
        NODES, "key.init_state.high, key.salt);", "key.init_state.high);")]),
    ("P3", "bytes of what is gone stay counted", [(
        TREE, "bool is_evicted) {\n  tier_bytes(node.entry->tier) -= node.entry->n_bytes;",
        "bool is_evicted) {")]),
    ("P4", "a state is no dearer when its neighbour goes", [(
        EVICT, "before[i] = heir;", "continue;")]),
    ("P5", "gaps of a ladder double without end", [(
        CAPTURES, "gap = std::min(2 * gap, replay_bound(at));", "gap = 2 * gap;")]),
    ("P6", "plans drop nothing", [(
        CAPTURES, "while (left.size() > n_free(", "while (left.size() > 99 + n_free(")]),
    ("P7", "a merged edge forgets what was given up", [(
        NODES, "child.n_given_up = std::max(child.n_given_up, node.n_given_up);", "")]),
    ("P8", "paths behind a parting are not thinned", [(
        "prefix_tree_plan.cpp", "if (n_added == 0) return;", "return;")]),
    ("P9", "pinned states are evicted", [(
        "retention.cpp", "return !facts.is_pinned && (", "return (")]),
    ("P10", "a cut edge loses a child", [(
        NODES, "place->second = std::exchange(old_place, std::move(made));",
        "place->second = std::exchange(old_place, std::move(made)); node.first_child = nullptr;")]),
    ("P11", "a failed path leaves its beginning", [(
        NODES, "while (last != &parent) remove(*std::exchange(last, last->parent));", "")]),
    ("P12", "the end of a prompt is not kept", [(
        CAPTURES, "if (is_kept || !can_capture(end)) return;", "return;")]),
    ("P13", "a use is not counted", [(
        TREE, "reuse_.add(node->entry->kind, ++node->n_uses);", "")]),
    # --- Z: codecs ---
    ("Z1", "a scale is a little too large", [(ROWS, "most / kMost", "most / (kMost - 3)")]),
    ("Z2", "rounding is not to the nearest", [(
        ROWS, "std::copysign(0.5F, v)", "std::copysign(0.2F, v)")]),
    ("Z3", "the largest floats become infinite", [(
        ROWS, "return std::clamp(whole * scale, -kMost, kMost);", "return whole * scale;")]),
    ("Z4", "what is left of groups is lost", [(
        ROWS, "std::ranges::copy(bytes.subspan(n_groups * n), to);", "static_cast<void>(to);")]),
    ("Z5", "numbers of sixteen bits are rounded too", [(
        CODEC, "type_r == DType::kF32 &&", "type_r != DType::kBF16 &&")]),
    ("Z6", "the checksum of a packed state is not looked at", [(
        CODEC, "checksum64(bytes.first(bytes.size() - kSumBytes)) !=",
        "number(bytes.size() - kSumBytes) !=")]),
    ("Z7", "a state may be of any length", [(
        CODEC, "pack.n_state / kMostFromStream > pack.n_stream ||", "")]),
    ("Z8", "a state may end before its trailer", [(CODEC, "if (at_ != end_) return misfit();", "")]),
    ("Z9", "what the encoder cannot make again is encoded", [(
        CODEC, "if (checksum64(section) != load_le", "if (at == 0 && checksum64(section) != load_le")]),
    # --- V: checkpoints that are shown when they go ---
    ("V1", "the evicted state is read when its cell is another's", [(
        BATCH, "  const Pos n_tokens = ledger_[cell].n_pinned_tokens;\n",
        "  const Pos n_tokens = ledger_[cell].n_pinned_tokens;\n  ledger_.unpin_all(cell);\n")]),
    ("V2", "nobody is told of an evicted checkpoint", [(
        BATCH, "  if (!state.empty()) on_evict_(", "  if (false) on_evict_(")]),
    ("V3", "a checkpoint forgets its position", [(
        "ledger.cpp", "  cell.n_pinned_tokens = n_tokens;\n", "")]),
    ("V4", "an evicted checkpoint's cell is written", [(
        STATE, "  EDDY_TRY(check_handle(checkpoint));\n", "")]),
]
