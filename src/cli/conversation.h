// A session at work for a person: reads prompts, streams answers, keeps the times; with a name it
// survives the program.
//
// Threading: the main thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/guesses.h"
#include "cli/memory_map.h"
#include "cli/session_folder.h"
#include "eddy/engine.h"

namespace eddy {

struct ConversationOptions {
  GenerateParams generate;
  bool special = false;       // special tokens may be written in prompts
  std::string session;        // its name; its branches are kept as "NAME/BRANCH"; empty: it ends
                              // with the program
  StorePlace store;           // of named ones
  SessionOptions begin = {};  // what it begins from
};

class Conversation {
 public:
  // A new one, or the one of this name. `engine` and `options` outlive it. The errors of
  // SessionFolder::load and with_folder.
  static Result<Conversation> open(Engine& engine, const ConversationOptions& options);

  // Reads a prompt and streams the answer to standard output. Ctrl-C ends it with
  // StopReason::kCancelled.
  Result<StopReason> answer(std::string_view prompt);

  // Forgets what was said.
  Status reset();

  // Takes back the last n prompts with their answers. kInvalidArgument: there are not so many.
  Status undo(std::size_t n);
  // Takes back the last answer and gives another one; with --temp another seed makes it differ.
  Result<StopReason> retry();

  // Keeps a copy of the conversation as it is now, as a branch; and goes on from a branch, keeping
  // what was said here as the branch that it is. kInvalidArgument: a name that is taken, or that
  // there is not.
  Status fork(const std::string& name);
  Status switch_to(const std::string& name);
  // Puts a branch's state away, to come back by itself; those that share it go with it: the names
  // of all. kInvalidArgument: no such branch, or none that has a state in a cell.
  Result<std::string> park(const std::string& name);
  const std::string& branch_name() const { return branch_.name; }
  std::vector<std::string> branch_names() const;
  std::string show_branches() const;  // a tree, with positions

  // What became of the last prompt; where states are, and what the prefix cache has done.
  std::string explain_prompt() const;
  std::string explain_memory() const;

  // Under any name, and back; the conversation keeps its own name.
  Status save(const std::string& name);
  Status load(const std::string& name);
  std::vector<std::string> saved_names() const { return folder_ ? folder_->names() : Names(); }

  // All branches that have changed since, under their own names, if the conversation has one.
  Status keep();

  Pos n_tokens() const { return session_.n_tokens(); }

  void print_stats() const;

 private:
  // Where what was said could have gone another way.
  struct Branch {
    std::string name;
    std::string parent;       // of which it is a copy; empty: the first
    Pos n_shared = 0;         // tokens that it had then
    bool is_changed = false;  // since it was kept
  };
  struct Other {
    Branch branch;
    Session session;
  };

  using Clock = std::chrono::steady_clock;
  using Names = std::vector<std::string>;
  struct Rate {
    std::int64_t n_tokens = 0;
    double seconds = 0;

    void add(std::int64_t n, Clock::time_point since);
    double per_second() const { return seconds > 0 ? static_cast<double>(n_tokens) / seconds : 0; }
  };

  static constexpr const char* kFirst = "main";

  Conversation(Engine& engine, Session session, const ConversationOptions& options)
      : engine_(&engine), session_(std::move(session)), options_(&options) {}

  Result<StopReason> answer_now(std::string_view prompt);
  Result<StopReason> generate();
  Status feed(std::string_view prompt);
  Status load_branches();
  void find_parents();
  std::string kept_name(const Branch& branch) const;
  std::vector<BranchPlace> branch_places() const;
  std::vector<Token> prompt_tokens(std::string_view prompt) const;

  Engine* engine_;
  Session session_;
  const ConversationOptions* options_;
  std::uint64_t n_retries_ = 0;  // of the last answer: another seed for each
  Branch branch_ = {.name = kFirst, .parent = {}};
  std::vector<Other> others_;            // the other branches
  std::optional<SessionFolder> folder_;  // nullopt: there is no home, and no --store
  std::string kept_last_;                // the branch to go on with the next time
  Guesses guesses_;
  Rate read_;
  Rate answered_;
};

}  // namespace eddy
