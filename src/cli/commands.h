// What a person can ask for in a conversation besides an answer: lines such as "/save NAME".
//
// A new command is an entry of the table in commands.cpp. /help and completion follow it.
//
// Threading: the main thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/conversation.h"
#include "eddy/result.h"

namespace eddy {

struct SlashCommand {
  std::string_view name;       // "/save"
  std::string_view arguments;  // "NAME"; "[N]": may be left out; "": there are none
  std::string_view help;       // what it does
  // Gets what follows the name, without spaces around it; not empty where it must not be left out.
  Status (*run)(Conversation& conversation, const std::string& argument);
  // What the argument may be; nullptr: nobody knows.
  std::vector<std::string> (*choices)(const Conversation& conversation) = nullptr;
};

// All, in the order of /help.
std::span<const SlashCommand> slash_commands();

// Whether a line is a command, known or not: a slash and lower-case letters up to the first space.
// Any other line is text for the model, also " /help" and "/usr/bin".
bool is_slash_command(std::string_view line);

// kInvalidArgument: no such command, an argument too many or too few; what the command returns.
Status run_slash_command(Conversation& conversation, std::string_view line);

// What the line may become, each a whole line.
std::vector<std::string> complete_slash_command(const Conversation& conversation,
                                                std::string_view line);

}  // namespace eddy
