#include "cli/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "base/error.h"
#include "base/try.h"

namespace eddy {
namespace {

Status show_help(Conversation&, const std::string&) {
  for (const SlashCommand& command : slash_commands()) {
    const std::string usage = fmt::format("{} {}", command.name, command.arguments);
    fmt::print(stderr, "  {:<16} {}\n", usage, command.help);
  }
  return {};
}

Status reset(Conversation& conversation, const std::string&) { return conversation.reset(); }

Status save(Conversation& conversation, const std::string& name) {
  EDDY_TRY(conversation.save(name));
  fmt::print(stderr, "saved {}: {} tokens\n", name, conversation.n_tokens());
  return {};
}

Status load(Conversation& conversation, const std::string& name) {
  EDDY_TRY(conversation.load(name));
  fmt::print(stderr, "loaded {}: {} tokens\n", name, conversation.n_tokens());
  return {};
}

Status undo(Conversation& conversation, const std::string& argument) {
  std::size_t n = 1;
  const char* const end = argument.data() + argument.size();
  if (!argument.empty() && std::from_chars(argument.data(), end, n).ptr != end) {
    return fail(ErrorCode::kInvalidArgument, "/undo {}: expected a number", argument);
  }
  EDDY_TRY(conversation.undo(n));
  fmt::print(stderr, "{} tokens are left\n", conversation.n_tokens());
  return {};
}

Status retry(Conversation& conversation, const std::string&) {
  EDDY_TRY(conversation.retry());
  fmt::print("\n");
  std::fflush(stdout);
  return {};
}

Status fork(Conversation& conversation, const std::string& argument) {
  const std::string name =
      argument.empty() ? fmt::format("branch{}", conversation.branch_names().size()) : argument;
  EDDY_TRY(conversation.fork(name));
  fmt::print(stderr, "branch {}: {} tokens; /switch {} goes on from there\n", name,
             conversation.n_tokens(), name);
  return {};
}

Status switch_to(Conversation& conversation, const std::string& name) {
  EDDY_TRY(conversation.switch_to(name));
  fmt::print(stderr, "branch {}: {} tokens\n", name, conversation.n_tokens());
  return {};
}

Status branches(Conversation& conversation, const std::string&) {
  fmt::print(stderr, "{}", conversation.show_branches());
  return {};
}

Status park(Conversation& conversation, const std::string& argument) {
  const std::string& name = argument.empty() ? conversation.branch_name() : argument;
  EDDY_TRY_ASSIGN(const std::string names, conversation.park(name));
  fmt::print(stderr, "parked {}: the next use brings it back\n", names);
  return {};
}

Status why(Conversation& conversation, const std::string&) {
  fmt::print(stderr, "{}", conversation.explain_prompt());
  return {};
}

Status map(Conversation& conversation, const std::string&) {
  fmt::print(stderr, "{}", conversation.explain_memory());
  return {};
}

Status stats(Conversation& conversation, const std::string&) {
  conversation.print_stats();
  return {};
}

std::vector<std::string> branch_names(const Conversation& conversation) {
  return conversation.branch_names();
}

std::vector<std::string> saved_names(const Conversation& conversation) {
  return conversation.saved_names();
}

constexpr SlashCommand kCommands[] = {
    {"/help", "", "show what can be asked for", show_help},
    {"/undo", "[N]", "take back the last N prompts with their answers, or one", undo},
    {"/retry", "", "take back the last answer and give another one", retry},
    {"/fork", "[NAME]", "keep a copy of the conversation, to go on from later", fork},
    {"/switch", "NAME", "go on from a copy; this one stays", switch_to, branch_names},
    {"/branches", "", "show all copies and where they parted", branches},
    {"/park", "[NAME]", "put the conversation's state or a copy's away until its next use", park,
     branch_names},
    {"/why", "", "show what of the last prompt was read, and why", why},
    {"/map", "", "show which state is where, who shares it, and the prefix cache", map},
    {"/stats", "", "show tokens per second", stats},
    {"/reset", "", "forget the conversation", reset},
    {"/save", "NAME", "keep the conversation as it is now", save, saved_names},
    {"/load", "NAME", "go on from a conversation that was kept", load, saved_names},
};

// "/save" and "NAME" of a line.
struct Words {
  std::string_view name;
  std::string argument;

  explicit Words(std::string_view line) : name(line.substr(0, line.find(' '))) {
    const std::size_t first = line.find_first_not_of(' ', name.size());
    if (first != line.npos) argument = line.substr(first, line.find_last_not_of(' ') - first + 1);
  }
};

const SlashCommand* find(std::string_view name) {
  const auto found = std::ranges::find(kCommands, name, &SlashCommand::name);
  return found == std::end(kCommands) ? nullptr : found;
}

}  // namespace

std::span<const SlashCommand> slash_commands() { return kCommands; }

bool is_slash_command(std::string_view line) {
  const std::string_view name = line.substr(0, line.find(' '));
  return name.size() > 1 && name[0] == '/' &&
         std::ranges::all_of(name.substr(1), [](char c) { return c >= 'a' && c <= 'z'; });
}

Status run_slash_command(Conversation& conversation, std::string_view line) {
  const Words words(line);
  const SlashCommand* const command = find(words.name);
  if (command == nullptr) {
    return fail(ErrorCode::kInvalidArgument, "{}: no such command; /help shows all", words.name);
  }
  const bool is_needed = !command->arguments.empty() && !command->arguments.starts_with('[');
  if (words.argument.empty() ? is_needed : command->arguments.empty()) {
    return fail(ErrorCode::kInvalidArgument, "{}: expected \"{}\"", line,
                command->arguments.empty()
                    ? std::string(command->name)
                    : fmt::format("{} {}", command->name, command->arguments));
  }
  return command->run(conversation, words.argument);
}

std::vector<std::string> complete_slash_command(const Conversation& conversation,
                                                std::string_view line) {
  std::vector<std::string> lines;
  const auto add = [&](const std::string& whole) {
    if (whole.starts_with(line)) lines.push_back(whole);
  };
  const SlashCommand* const command = find(line.substr(0, line.find(' ')));
  if (line.find(' ') == line.npos) {
    for (const SlashCommand& each : kCommands) {
      if (line.starts_with('/'))
        add(fmt::format("{}{}", each.name, each.arguments.empty() ? "" : " "));
    }
  } else if (command != nullptr && command->choices != nullptr) {
    for (const std::string& choice : command->choices(conversation)) {
      add(fmt::format("{} {}", command->name, choice));
    }
  }
  return lines;
}

}  // namespace eddy
