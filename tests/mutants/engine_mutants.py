"""Deliberate mistakes in src/engine, each of which engine_test must notice.

As in mutants.py: (name, what it does, [(file, text, replacement), ...]); all edits of one are in one
source file.
"""

CORE = "core.cpp"
SESSION = "session.cpp"
CACHE = "prefix_cache.cpp"
STEP = "step.cpp"
PARKING = "parking.cpp"
PINNED = "pinned_states.cpp"

ENGINE_MUTANTS = [
    # --- Speculation ---
    ("S1", "a guess is accepted whatever would have been chosen", [(
        STEP, "(i == 0 || chosen_[i - 1] == draft_[i - 1])", "true")]),
    ("S2", "the state keeps a rejected guess", [(
        STEP, "if (!draft_.empty()) session_.core->keep_first(session_.seq, "
              "static_cast<Pos>(n_seen));", "static_cast<void>(n_seen);")]),
    ("S3", "guesses stay among the session's tokens", [(
        STEP, "if (std::exchange(has_draft_, false)) session_.tokens.resize(n_before_);",
        "has_draft_ = false;")]),
    # --- The prefix cache ---
    ("S4", "tenants share what they have read", [(
        CORE, "session_key.salt = options.salt;", "")]),
    ("S5", "the logits beside a state are taken for any last token", [(
        CACHE, "return stored.next == tokens.back() ? std::span<const float>(stored.logits)\n"
               "                                      : std::span<const float>();",
        "return stored.logits;")]),
    ("S6", "a state that has left its cell is given up", [(
        CACHE, "if (id == in_cells_.end()) return;\n  try {",
        "if (id == in_cells_.end()) return;\n  return erase(*id);\n  try {")]),
    ("S7", "the budget is kept to by nobody", [(
        CACHE, "if (tree_.n_bytes() <= limits_.n_bytes) return;", "return;")]),
    ("S8", "what had no room is not reported", [(
        CACHE, "report.n_refused = n_found - n_have;", "")]),
    ("S9", "more cells are taken than there may be", [(
        CACHE, "if (in_cells_.size() == limits_.n_cells) free_a_cell();\n"
               "  if (in_cells_.size() < limits_.n_cells) {", "if (limits_.n_cells > 0) {")]),
    # --- Parked sessions ---
    ("S10", "a parked state for which there is no room is thrown away", [(
        CORE, "if (has_no_room) return woken.error();", "if (has_no_room) forget(seq);")]),
    ("S11", "a parked state outlives the tokens that it has seen", [(
        CORE, "if (!parked || parked->n_tokens > n_tokens) forget(seq);",
        "if (!parked) forget(seq);")]),
    ("S12", "of sequences that are parked together one comes back", [(
        PARKING, "for (const SeqId seq : request.seqs) kept_[seq] = kept;",
        "kept_[request.seqs.front()] = kept;")]),
    ("S13", "a folder of saved states is parked in, and emptied", [(
        PARKING, "if (entry.state.name.starts_with(kPrefix)) continue;", "continue;")]),
    # --- Sessions ---
    ("S14", "a state that has seen more than the session is loaded", [(
        SESSION, "(*n_read < 1 || *n_read >= static_cast<std::uint64_t>(n_tokens))",
        "*n_read < 1")]),
    ("S15", "a session goes on from another initial state", [(
        SESSION, "EDDY_TRY(check_same_init_state(record.init_state, impl_->key.init_state));", "")]),
    ("S16", "what was taken back stays in the state", [(
        SESSION, "n_stored = std::min(n_stored, n_kept);\n  settle();",
        "n_stored = std::min(n_stored, n_kept);")]),
    ("S17", "what a cancelled prompt has read is not kept", [(
        SESSION, "if (!done && has_more) {", "if (false && has_more) {")]),
    # --- Checkpoints of sessions ---
    ("S18", "a checkpoint whose cell is evicted is lost", [(
        PINNED, "if (const auto state = found->second.lock()) {",
        "if (const auto state = std::shared_ptr<PinnedState>()) {")]),
    ("S19", "a checkpoint takes the state that was pinned in its cell before", [(
        PINNED, "if (!state || !state->cell.is_kept()) {", "if (!state) {")]),
]
