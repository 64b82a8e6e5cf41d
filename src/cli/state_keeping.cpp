// eddy state ls, verify, export, import, rm, gc.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "base/try.h"
#include "cli/session_folder.h"
#include "cli/state_commands.h"
#include "engine/session_summary.h"

namespace eddy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kIdentityDigits = 8;

std::string time_text(std::int64_t time_us) {
  return fmt::format("{:%Y-%m-%d %H:%M}",
                     fmt::localtime(static_cast<std::time_t>(time_us / 1'000'000)));
}

Json describe(const StateEntry& entry) {
  const auto replace = Json::error_handler_t::replace;
  return {{"name", Json::parse(Json(entry.state.name).dump(-1, ' ', false, replace))},
          {"tokens", entry.state.position},
          {"bytes", entry.n_bytes},
          {"pinned", entry.state.is_pinned},
          {"last_use_us", entry.last_use_us},
          {"model", identity_text(entry.state.model)}};
}

Result<ExitCode> list(const StorePlace& place, bool json) {
  EDDY_TRY_ASSIGN(const auto store, open_store_to_read(place));
  EDDY_TRY_ASSIGN(const auto entries, store->list());
  if (json) {
    Json all = Json::array();
    for (const StateEntry& entry : entries) all.push_back(describe(entry));
    fmt::print("{}\n", all.dump(1));
    return ExitCode::kOk;
  }
  std::size_t n_name = 4;
  for (const StateEntry& entry : entries) n_name = std::max(n_name, entry.state.name.size());
  fmt::print("{:<{}}  {:>8}  {:>12}  {:<16}  {}\n", "name", n_name, "tokens", "bytes", "last use",
             "model");
  for (const StateEntry& entry : entries) {
    fmt::print("{:<{}}  {:>8}  {:>12}  {:<16}  {}{}\n", entry.state.name, n_name,
               entry.state.position, entry.n_bytes, time_text(entry.last_use_us),
               identity_text(entry.state.model).substr(0, kIdentityDigits),
               entry.state.is_pinned ? "  pinned" : "");
  }
  return ExitCode::kOk;
}

// A state is sound if the store can read it, and it is a session.
Status verify_one(StateStore& store, const std::string& name) {
  EDDY_TRY_ASSIGN(const StoredState stored, get_open(store, name));
  const auto summary = summarise_session(stored.bytes);
  return summary ? Status() : summary.error();
}

Result<ExitCode> verify(const StorePlace& place, std::vector<std::string> names) {
  EDDY_TRY_ASSIGN(const auto store, open_store_to_read(place));
  if (names.empty()) {
    EDDY_TRY_ASSIGN(const auto entries, store->list());
    for (const StateEntry& entry : entries) names.push_back(entry.state.name);
  }
  std::size_t n_damaged = 0;
  for (const std::string& name : names) {
    const Status verified = verify_one(*store, name);
    n_damaged += verified ? 0 : 1;
    fmt::print("{:<8} {}{}\n", verified ? "ok" : "damaged", name,
               verified ? "" : ": " + verified.error().message);
  }
  if (n_damaged == 0) return ExitCode::kOk;
  return fail(ErrorCode::kMalformed, "{}: {} of {} are damaged", place.folder, n_damaged,
              names.size());
}

Result<ExitCode> export_one(const StorePlace& place, const std::string& name,
                            const std::string& file) {
  EDDY_TRY_ASSIGN(const auto store, open_store_to_read(place));
  EDDY_TRY_ASSIGN(const StoredState stored, get_open(*store, name));
  EDDY_TRY(atomic_write_file(posix_file_system(), file, stored.bytes, kPrivateMode));
  return ExitCode::kOk;
}

// Nothing but a session comes in.
Result<ExitCode> import_one(const StorePlace& place, const std::string& file,
                            const std::string& name) {
  EDDY_TRY_ASSIGN(const MappedFile mapped, MappedFile::open(posix_file_system(), file));
  const auto summary = summarise_session(mapped.bytes());
  if (!summary) return prefixed(file, summary.error());
  EDDY_TRY_ASSIGN(const auto store, open_store_to_write(place));
  EDDY_TRY(store->put(descriptor_of(name, *summary), mapped.bytes()));
  return ExitCode::kOk;
}

// All of them, or up to the first that is not there.
Result<ExitCode> remove(const StorePlace& place, const std::vector<std::string>& names) {
  EDDY_TRY_ASSIGN(const auto store, open_store_to_write(place));
  for (const std::string& name : names) EDDY_TRY(store->erase(name));
  return ExitCode::kOk;
}

Result<ExitCode> collect(const StorePlace& place, std::uint64_t budget) {
  const auto there = open_store_to_read(place);  // where there is none, none is made
  if (!there && there.error().code == ErrorCode::kNotFound) return there.error();
  EDDY_TRY_ASSIGN(DirStore store, open_folder_to_write(place.folder, budget));
  EDDY_TRY_ASSIGN(const auto evicted, store.evict());
  const DirStore::Repairs& repairs = store.repairs();
  if (repairs.is_rebuilt) fmt::print("made the catalogue anew: {}\n", repairs.reason);
  fmt::print("removed {} files that nobody named\n", repairs.n_orphans);
  for (const std::string& name : evicted) fmt::print("evicted {}\n", name);
  return ExitCode::kOk;
}

StateCommand add_list(CLI::App& state) {
  CLI::App* app = state.add_subcommand("ls", "List what is kept");
  const auto json = std::make_shared<bool>();
  app->add_flag("--json", *json, "print JSON");
  return {app, [json](const StorePlace& place) { return list(place, *json); }};
}

StateCommand add_verify(CLI::App& state) {
  CLI::App* app = state.add_subcommand("verify", "Read all or some, and compare every checksum");
  const auto names = std::make_shared<std::vector<std::string>>();
  app->add_option("NAME", *names, "what to verify; default: all")->type_name("");
  return {app, [names](const StorePlace& place) { return verify(place, *names); }};
}

StateCommand add_export(CLI::App& state) {
  CLI::App* app = state.add_subcommand("export", "Write one to a file");
  const auto names = std::make_shared<std::pair<std::string, std::string>>();
  app->add_option("NAME", names->first, "what to write")->required()->type_name("");
  app->add_option("FILE", names->second, "where to")->required()->type_name("");
  return {app, [names](const StorePlace& place) {
            return export_one(place, names->first, names->second);
          }};
}

StateCommand add_import(CLI::App& state) {
  CLI::App* app = state.add_subcommand("import", "Keep one that was written to a file");
  const auto names = std::make_shared<std::pair<std::string, std::string>>();
  app->add_option("FILE", names->first, "the file")->required()->type_name("");
  app->add_option("NAME", names->second, "its name from now on")->required()->type_name("");
  return {app, [names](const StorePlace& place) {
            return import_one(place, names->first, names->second);
          }};
}

StateCommand add_remove(CLI::App& state) {
  CLI::App* app = state.add_subcommand("rm", "Remove some");
  const auto names = std::make_shared<std::vector<std::string>>();
  app->add_option("NAME", *names, "what to remove")->required()->type_name("");
  return {app, [names](const StorePlace& place) { return remove(place, *names); }};
}

StateCommand add_collect(CLI::App& state) {
  CLI::App* app = state.add_subcommand(
      "gc",
      "Remove what crashes have left behind, and with a budget what was not used for longest");
  const auto budget = std::make_shared<std::uint64_t>(kNoBudget);
  app->add_option("--budget", *budget, "bytes that may stay")->type_name("N");
  return {app, [budget](const StorePlace& place) { return collect(place, *budget); }};
}

}  // namespace

std::vector<StateCommand> add_state_keeping(CLI::App& state) {
  return {add_list(state),   add_verify(state), add_export(state),
          add_import(state), add_remove(state), add_collect(state)};
}

}  // namespace eddy
