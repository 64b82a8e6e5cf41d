// eddy logits: the logits after every token of a list, as raw numbers, for comparisons.
#include <CLI/CLI.hpp>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/try.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/input.h"
#include "cli/model_options.h"

namespace eddy {
namespace {

static_assert(std::endian::native == std::endian::little, "the output is little-endian");

struct LogitsArguments {
  ModelOptions model;
  std::string tokens;
  std::string out;
};

// Whether something other than a file is there. A device or a pipe must not be replaced by a file.
bool is_special(const std::string& path) {
  using std::filesystem::file_type;
  std::error_code ignored;
  const file_type type = std::filesystem::symlink_status(path, ignored).type();
  return type != file_type::not_found && type != file_type::regular;
}

// Where the logits go. A file is replaced when they are whole; standard output, devices, pipes and
// links are written as they are.
class Output {
 public:
  static Result<Output> open(const std::string& path) {
    Output output(path);
    if (path == "-") {
      output.stream_.reset(stdout);
    } else if (is_special(path)) {
      output.stream_.reset(std::fopen(path.c_str(), "wb"));
    } else {
      EDDY_TRY_ASSIGN(AtomicFile file, AtomicFile::create(posix_file_system(), path));
      output.file_.emplace(std::move(file));
    }
    if (!output.file_ && !output.stream_) return output.error();
    return output;
  }

  Status write(std::span<const float> numbers) {
    if (file_) return file_->write(std::as_bytes(numbers));
    const std::size_t n = std::fwrite(numbers.data(), sizeof(float), numbers.size(), stream_.get());
    return n == numbers.size() ? Status() : error();
  }

  Status finish() {
    if (file_) return file_->commit();
    return std::fflush(stream_.get()) == 0 ? Status() : error();
  }

 private:
  struct Close {
    void operator()(std::FILE* stream) const {
      if (stream != stdout) std::fclose(stream);
    }
  };

  explicit Output(std::string path) : path_(std::move(path)) {}
  Error error() const { return fail(ErrorCode::kIo, "{}: {}", path_, std::strerror(errno)); }

  std::string path_;
  std::optional<AtomicFile> file_;
  std::unique_ptr<std::FILE, Close> stream_;
};

Result<ExitCode> run_logits(const LogitsArguments& options) {
  EDDY_TRY_ASSIGN(const std::string text, read_all(options.tokens));
  EDDY_TRY_ASSIGN(const auto tokens, parse_tokens(text, options.tokens));
  if (tokens.empty()) return fail(ErrorCode::kMalformed, "{}: no token ids", options.tokens);
  EDDY_TRY_ASSIGN(Engine engine, open_engine(options.model));
  EDDY_TRY_ASSIGN(const SessionOptions session, session_options(engine, options.model));
  EDDY_TRY_ASSIGN(Output out, Output::open(options.out));
  ProgressBar bar("computing");
  Status written;
  const auto on_logits = [&](Pos pos, std::span<const float> logits) {
    bar.update(static_cast<double>(pos + 1) / static_cast<double>(tokens.size()));
    written = out.write(logits);
    return written.ok();
  };
  const Status done = engine.evaluate(tokens, on_logits, session);
  EDDY_TRY(written);
  EDDY_TRY(done);
  EDDY_TRY(out.finish());
  return ExitCode::kOk;
}

}  // namespace

Command add_logits(CLI::App& program) {
  CLI::App* app = program.add_subcommand("logits", "Write the logits after every token of a list");
  const auto options = std::make_shared<LogitsArguments>();
  add_model_options(*app, options->model);
  add_threads_option(*app, options->model.engine);
  add_init_state_option(*app, options->model);
  app->add_option("--tokens", options->tokens,
                  "file of token ids, separated by white space or commas; - is standard input")
      ->required()
      ->type_name("FILE");
  app->add_option("--out", options->out,
                  "file for the logits: float32, little-endian, {n_vocab, n_tokens}; - is standard "
                  "output")
      ->required()
      ->type_name("FILE");
  app->footer(
      "Example:\n"
      "  eddy tokenize model.gguf -p \"a text\" > ids.txt\n"
      "  eddy logits model.gguf --tokens ids.txt --out logits.f32");
  return {.app = app, .run = [options] { return run_logits(*options); }};
}

}  // namespace eddy
