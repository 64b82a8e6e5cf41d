#include "cli/conversation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <utility>

#include "base/error.h"
#include "base/try.h"
#include "cli/console.h"
#include "cli/interrupt.h"

namespace eddy {
namespace {

constexpr std::size_t kLongPromptTokens = 1024;  // from here on a bar is worth its line

Error no_such_branch(const std::string& name) {
  return fail(ErrorCode::kInvalidArgument, "there is no branch {}; /branches shows all", name);
}

// Tokens of the prompt that were not read.
Pos n_begun(const PromptReport& report) { return std::max(report.n_own, report.n_restored); }

// What of a long prompt is left to read.
std::string reading_label(const PromptReport& report) {
  const Pos n_restored = n_begun(report) - report.n_own;
  std::string label = fmt::format("reading {} tokens", report.n_tokens - n_begun(report));
  if (n_restored > 0) label += fmt::format(", {} restored", n_restored);
  return label;
}

std::string_view tier_text(PromptReport::Tier tier) {
  switch (tier) {
    case PromptReport::Tier::kNone: break;
    case PromptReport::Tier::kCell: return ", from a cell";
    case PromptReport::Tier::kHost: return ", from host memory";
  }
  return "";
}

}  // namespace

Result<Conversation> Conversation::open(Engine& engine, const ConversationOptions& options) {
  EDDY_TRY_ASSIGN(Session session, engine.new_session(options.begin));
  Conversation conversation(engine, std::move(session), options);
  auto place = with_folder(options.store);
  if (place) conversation.folder_.emplace(std::move(*place));
  if (options.session.empty()) return conversation;
  if (!place) return place.error();
  EDDY_TRY(check_state_name(options.session));
  EDDY_TRY(conversation.load_branches());
  return conversation;
}

Result<StopReason> Conversation::answer(std::string_view prompt) {
  const Pos n_before = session_.n_tokens();
  auto reason = answer_now(prompt);
  if (session_.n_tokens() != n_before) branch_.is_changed = true;
  return reason;
}

Result<StopReason> Conversation::answer_now(std::string_view prompt) {
  const CancelOnInterrupt scope(session_);
  session_.mark_turn();
  const Status read = feed(prompt);
  if (!read && read.error().code == ErrorCode::kCancelled) return StopReason::kCancelled;
  EDDY_TRY(read);
  n_retries_ = 0;
  return generate();
}

Result<StopReason> Conversation::generate() {
  session_.mark_turn(TurnKind::kAnswer);
  GenerateParams params = options_->generate;
  params.sampling.seed += n_retries_;
  const auto start = Clock::now();
  EDDY_TRY_ASSIGN(const Completion done, session_.generate(params, [](std::string_view text) {
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
           std::fflush(stdout) == 0;
  }));
  answered_.add(done.n_tokens, start);
  guesses_.add(done);
  return done.reason;
}

Status Conversation::reset() {
  branch_.is_changed = true;
  return session_.reset();
}

Status Conversation::undo(std::size_t n) {
  std::vector<Pos> prompts;  // where they begin; none of nothing
  for (const Turn& turn : session_.turns()) {
    const bool is_prompt = turn.kind == TurnKind::kPrompt && turn.n_before < session_.n_tokens();
    if (is_prompt) prompts.push_back(turn.n_before);
  }
  if (n < 1 || n > prompts.size()) {
    return fail(ErrorCode::kInvalidArgument, "undo {}: there are {} prompts to take back", n,
                prompts.size());
  }
  EDDY_TRY(session_.rewind(session_.n_tokens() - prompts[prompts.size() - n]));
  n_retries_ = 0;
  branch_.is_changed = true;
  return {};
}

Result<StopReason> Conversation::retry() {
  const std::span<const Turn> turns = session_.turns();
  if (turns.empty() || turns.back().kind != TurnKind::kAnswer) {
    return fail(ErrorCode::kInvalidArgument, "retry: there is no answer to take back");
  }
  const CancelOnInterrupt scope(session_);
  const Pos n_before = turns.back().n_before;
  const bool was_empty = turns.size() > 1 && turns[turns.size() - 2].n_before == n_before;
  EDDY_TRY(session_.rewind(session_.n_tokens() - n_before));
  if (was_empty) session_.mark_turn();  // the prompt begins there too
  branch_.is_changed = true;
  ++n_retries_;
  return generate();
}

// --- Branches -----------------------------------------------------------------------------------

Status Conversation::fork(const std::string& name) {
  if (std::ranges::count(branch_names(), name) > 0) {
    return fail(ErrorCode::kInvalidArgument, "branch {} is there already", name);
  }
  EDDY_TRY_ASSIGN(Session copy, session_.fork());
  others_.push_back({.branch = {.name = name,
                                .parent = branch_.name,
                                .n_shared = session_.n_tokens(),
                                .is_changed = true},
                     .session = std::move(copy)});
  return {};
}

Status Conversation::switch_to(const std::string& name) {
  if (name == branch_.name) return {};
  const auto found =
      std::ranges::find(others_, name, [](const Other& other) { return other.branch.name; });
  if (found == others_.end()) return no_such_branch(name);
  std::swap(branch_, found->branch);
  std::swap(session_, found->session);
  n_retries_ = 0;
  return {};
}

Result<std::string> Conversation::park(const std::string& name) {
  const std::vector<BranchPlace> before = branch_places();
  const auto found = std::ranges::find(before, name, &BranchPlace::name);
  if (found == before.end()) return no_such_branch(name);
  const StatePlace& place = found->place;
  if (place.kind != StatePlace::Kind::kCell) {
    return fail(
        ErrorCode::kInvalidArgument, "branch {}: {}", name,
        place.kind == StatePlace::Kind::kNone ? "it has no state yet" : "it is parked already");
  }
  const auto other = std::ranges::find(others_, name, [](const Other& o) { return o.branch.name; });
  EDDY_TRY((other == others_.end() ? session_ : other->session).park());
  std::string names;
  for (const BranchPlace& branch : before) {
    if (branch.place.cell != place.cell) continue;
    if (!names.empty()) names += ", ";
    names += branch.name;
  }
  return names;
}

std::vector<std::string> Conversation::branch_names() const {
  std::vector<std::string> names = {branch_.name};
  for (const Other& other : others_) names.push_back(other.branch.name);
  return names;
}

std::string Conversation::show_branches() const {
  struct Line {
    Branch branch;
    Pos n_tokens;
  };
  std::vector<Line> left = {{branch_, session_.n_tokens()}};
  for (const Other& other : others_) {
    left.push_back({other.branch, other.session.n_tokens()});
  }
  std::string out;
  // Each below the one that it is a copy of; a copy is younger, so no two are each other's.
  const std::function<void(const std::string&, std::size_t)> show = [&](const std::string& parent,
                                                                        std::size_t depth) {
    for (const Line& line : left) {
      if (line.branch.parent != parent) continue;
      out += fmt::format("{}{:{}}{}: {} tokens", line.branch.name == branch_.name ? "* " : "  ", "",
                         2 * depth, line.branch.name, line.n_tokens);
      if (depth > 0) out += fmt::format(", parted at {}", line.branch.n_shared);
      out += '\n';
      show(line.branch.name, depth + 1);
    }
  };
  show("", 0);
  return out;
}

// --- What became of it --------------------------------------------------------------------------

std::string Conversation::explain_prompt() const {
  const PromptReport& report = session_.last_prompt();
  std::string out = fmt::format(
      "prompt: {} tokens, {} of them known; {} read\n"
      "  {} in the conversation's own state, {} restored from the prefix cache{}\n",
      report.n_tokens, report.n_known, report.n_tokens - n_begun(report), report.n_own,
      n_begun(report) - report.n_own, tier_text(report.tier));
  const Pos n_lost = report.n_known - n_begun(report);
  if (n_lost == 0) return out;
  out += fmt::format("  {} known tokens were read again:\n", n_lost);
  const auto add = [&out](Pos n, const char* why) {
    if (n > 0) out += fmt::format("    {}: {}\n", n, why);
  };
  add(report.n_refused, "no cell or no memory was free for their state");
  add(report.n_evicted, "their state went to make room");
  add(n_lost - report.n_refused - report.n_evicted, "no state was stored nearer");
  return out;
}

std::string Conversation::explain_memory() const {
  return show_memory_map(*engine_, branch_places());
}

std::vector<BranchPlace> Conversation::branch_places() const {
  std::vector<BranchPlace> places = {{branch_.name, session_.place()}};
  for (const Other& other : others_) places.push_back({other.branch.name, other.session.place()});
  return places;
}

Status Conversation::save(const std::string& name) {
  if (!folder_) return no_folder();
  return folder_->save(name, session_, SessionFolder::Overwrite::kAlways);
}

Status Conversation::load(const std::string& name) {
  if (!folder_) return no_folder();
  EDDY_TRY(folder_->load(name, session_));
  branch_.is_changed = true;
  return {};
}

Status Conversation::keep() {
  if (options_->session.empty()) return {};
  const auto keep_one = [&](Branch& branch, const Session& session) -> Status {
    EDDY_TRY(folder_->save(kept_name(branch), session, SessionFolder::Overwrite::kOwn));
    branch.is_changed = false;
    return {};
  };
  bool is_kept = !branch_.is_changed && (kept_last_.empty() || kept_last_ == branch_.name);
  for (Other& other : others_) {
    if (!other.branch.is_changed) continue;
    EDDY_TRY(keep_one(other.branch, other.session));
    is_kept = false;
  }
  if (is_kept) return {};
  EDDY_TRY(keep_one(branch_, session_));  // the last: see load_branches()
  kept_last_ = branch_.name;
  return {};
}

std::string Conversation::kept_name(const Branch& branch) const {
  return branch.name == kFirst ? options_->session : options_->session + "/" + branch.name;
}

// The branch that was kept last is the one to go on with.
Status Conversation::load_branches() {
  EDDY_TRY_ASSIGN(const std::vector<std::string> names, folder_->branches_of(options_->session));
  for (const std::string& name : names) {
    EDDY_TRY_ASSIGN(Session session, engine_->new_session(options_->begin));
    EDDY_TRY(folder_->load(name, session));
    const bool is_first = name == options_->session;
    const std::string branch = is_first ? kFirst : name.substr(options_->session.size() + 1);
    others_.push_back({.branch = {.name = branch, .parent = {}}, .session = std::move(session)});
  }
  if (others_.empty()) return {};
  session_ = std::move(others_.back().session);
  branch_ = others_.back().branch;
  others_.pop_back();
  kept_last_ = branch_.name;
  find_parents();
  return {};
}

// Which branch is a copy of which shows in their tokens: each next one hangs on that of those
// before with which it shares most.
void Conversation::find_parents() {
  struct Place {
    Branch* branch;
    std::span<const Token> tokens;
  };
  std::vector<Place> left = {{&branch_, session_.tokens()}}, found;
  for (Other& other : others_) left.push_back({&other.branch, other.session.tokens()});
  const auto first =
      std::ranges::find(left, kFirst, [](const Place& place) { return place.branch->name; });
  const auto root = first == left.end() ? left.begin() : first;
  found.push_back(*root);
  left.erase(root);
  while (!left.empty()) {
    std::size_t next = 0, parent = 0;
    std::ptrdiff_t most = -1;
    for (std::size_t i = 0; i < left.size(); ++i) {
      for (std::size_t j = 0; j < found.size(); ++j) {
        const auto end = std::ranges::mismatch(left[i].tokens, found[j].tokens).in1;
        const std::ptrdiff_t n_shared = end - left[i].tokens.begin();
        if (n_shared <= most) continue;
        most = n_shared;
        next = i;
        parent = j;
      }
    }
    left[next].branch->parent = found[parent].branch->name;
    left[next].branch->n_shared = static_cast<Pos>(most);
    found.push_back(left[next]);
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(next));
  }
}

void Conversation::print_stats() const {
  fmt::print(stderr, "prompt: {} tokens, {:.1f} tokens/s; answer: {} tokens, {:.1f} tokens/s\n",
             read_.n_tokens, read_.per_second(), answered_.n_tokens, answered_.per_second());
  guesses_.print();
}

// Where Ctrl-C stops the reading, the rest of the prompt is read with the next one.
Status Conversation::feed(std::string_view prompt) {
  const auto start = Clock::now();
  const std::vector<Token> tokens = prompt_tokens(prompt);
  std::optional<ProgressBar> bar;
  Session::OnProgress show;
  if (tokens.size() >= kLongPromptTokens) {
    show = [&](double fraction) {
      if (!bar) bar.emplace(reading_label(session_.last_prompt()));
      bar->update(fraction);
    };
  }
  EDDY_TRY(session_.feed(tokens, show));
  read_.add(static_cast<std::int64_t>(tokens.size()), start);
  return {};
}

std::vector<Token> Conversation::prompt_tokens(std::string_view prompt) const {
  return engine_->tokenize(prompt,
                           {.begin = session_.n_tokens() == 0,
                            .special = options_->special ? Special::kParsed : Special::kAsText});
}

void Conversation::Rate::add(std::int64_t n, Clock::time_point since) {
  n_tokens += n;
  seconds += std::chrono::duration<double>(Clock::now() - since).count();
}

}  // namespace eddy
