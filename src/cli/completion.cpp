// eddy completion SHELL: completion scripts, made from the options themselves, never out of date.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/command.h"

namespace eddy {
namespace {

std::vector<const CLI::App*> subcommands(const CLI::App& program) {
  return program.get_subcommands([](const CLI::App*) { return true; });
}

// Calls visit(spelling, takes_value, option) for each spelling ("-p", "--prompt") of each option of
// a command and, unless it is the program, of its actions; of a spelling once.
template <class Visit>
void each_spelling(const CLI::App& command, const Visit& visit) {
  std::vector<const CLI::App*> apps = {&command};
  if (command.get_parent() != nullptr) {
    for (const CLI::App* action : subcommands(command)) apps.push_back(action);
  }
  std::set<std::string> seen;
  for (const CLI::App* app : apps) {
    for (const CLI::Option* option : app->get_options()) {
      const bool takes_value = option->get_items_expected_max() > 0;
      std::vector<std::string> spellings;
      for (const auto& name : option->get_snames()) spellings.push_back("-" + name);
      for (const auto& name : option->get_lnames()) spellings.push_back("--" + name);
      for (const std::string& spelling : spellings) {
        if (seen.insert(spelling).second) visit(spelling, takes_value, *option);
      }
    }
  }
}

std::string names_of(const CLI::App& program) {
  std::string names;
  for (const CLI::App* command : subcommands(program)) names += command->get_name() + " ";
  return names;
}

// What must follow the command's name; empty where a file may.
std::string actions_of(const CLI::App& command) {
  return command.get_require_subcommand_min() > 0 ? names_of(command) : std::string();
}

std::string spellings_of(const CLI::App& command) {
  std::string spellings;
  each_spelling(command, [&](const std::string& spelling, bool, const CLI::Option&) {
    spellings += spelling + " ";
  });
  return spellings;
}

// Fit to stand between single quotes and, for zsh, between brackets.
std::string quoted(std::string text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') continue;
    if (c == '[' || c == ']' || c == ':') out += '\\';
    out += c;
  }
  return out;
}

std::string bash_script(const CLI::App& program) {
  std::string script =
      "# bash completion for eddy: eval \"$(eddy completion bash)\"\n"
      "_eddy() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} options= words=\n"
      "  case ${COMP_WORDS[1]} in\n";
  for (const CLI::App* command : subcommands(program)) {
    script += fmt::format("    {}) options='{}' words='{}' ;;\n", command->get_name(),
                          spellings_of(*command), actions_of(*command));
  }
  script +=
      fmt::format("    *) options='{}{}' ;;\n  esac\n", names_of(program), spellings_of(program));
  script +=
      "  if [[ $word == -* || $COMP_CWORD == 1 ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
      "  elif [[ $COMP_CWORD == 2 && -n $words ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
      "  else\n"
      "    COMPREPLY=($(compgen -f -- \"$word\"))\n"
      "  fi\n"
      "}\n"
      "complete -o filenames -F _eddy eddy\n";
  return script;
}

std::string zsh_arguments(const CLI::App& command) {
  std::string lines;
  each_spelling(command, [&](const std::string& spelling, bool takes_value, const CLI::Option& o) {
    lines += fmt::format(" \\\n        '{}[{}]{}'", spelling, quoted(o.get_description()),
                         takes_value ? ":value:_files" : "");
  });
  return lines;
}

std::string zsh_script(const CLI::App& program) {
  std::string script =
      "#compdef eddy\n"
      "# zsh completion for eddy: eval \"$(eddy completion zsh)\"\n"
      "_eddy() {\n"
      "  if (( CURRENT == 2 )); then\n"
      "    _arguments" +
      zsh_arguments(program) + fmt::format(" \\\n        '1:command:({})'\n", names_of(program)) +
      "    return\n"
      "  fi\n"
      "  local command=$words[2]\n"
      "  shift words; (( CURRENT-- ))\n"
      "  case $command in\n";
  for (const CLI::App* command : subcommands(program)) {
    const std::string actions = actions_of(*command);
    script +=
        fmt::format("    {})\n      _arguments{}{} \\\n        '*:file:_files' ;;\n",
                    command->get_name(), zsh_arguments(*command),
                    actions.empty() ? "" : fmt::format(" \\\n        '1:action:({})'", actions));
  }
  return script + "  esac\n}\ncompdef _eddy eddy\n";
}

std::string fish_option(const std::string& condition, const std::string& spelling, bool takes_value,
                        const CLI::Option& option) {
  const bool is_long = spelling.starts_with("--");
  return fmt::format("complete -c eddy -n '{}' {} {}{} -d '{}'\n", condition, is_long ? "-l" : "-s",
                     spelling.substr(is_long ? 2 : 1), takes_value ? " -r" : "",
                     quoted(option.get_description()));
}

std::string fish_script(const CLI::App& program) {
  std::string script = "# fish completion for eddy: eddy completion fish | source\n";
  const auto add = [&script](const std::string& condition, const CLI::App& command) {
    each_spelling(command,
                  [&](const std::string& spelling, bool takes_value, const CLI::Option& o) {
                    script += fish_option(condition, spelling, takes_value, o);
                  });
  };
  add("__fish_use_subcommand", program);
  for (const CLI::App* command : subcommands(program)) {
    script += fmt::format("complete -c eddy -n '__fish_use_subcommand' -f -a {} -d '{}'\n",
                          command->get_name(), quoted(command->get_description()));
    const std::string condition = "__fish_seen_subcommand_from " + command->get_name();
    add(condition, *command);
    for (const CLI::App* action : subcommands(*command)) {
      script += fmt::format("complete -c eddy -n '{}' -f -a {} -d '{}'\n", condition,
                            action->get_name(), quoted(action->get_description()));
    }
  }
  return script;
}

Result<ExitCode> print_script(const CLI::App& program, const std::string& shell) {
  if (shell == "bash") {
    fmt::print("{}", bash_script(program));
  } else if (shell == "zsh") {
    fmt::print("{}", zsh_script(program));
  } else if (shell == "fish") {
    fmt::print("{}", fish_script(program));
  } else {
    return fail(ErrorCode::kInvalidArgument, "SHELL: {}, expected bash, zsh or fish", shell);
  }
  return ExitCode::kOk;
}

}  // namespace

Command add_completion(CLI::App& program) {
  CLI::App* app = program.add_subcommand("completion", "Print a shell's completion script");
  const auto shell = std::make_shared<std::string>();
  app->add_option("SHELL", *shell, "bash, zsh or fish")->required()->type_name("");
  app->footer("Example:\n  eval \"$(eddy completion bash)\"");
  return {.app = app, .run = [&program, shell] { return print_script(program, *shell); }};
}

}  // namespace eddy
