// The public face of eddy: open a model, hold conversations with it.
//
//   Result<Engine> engine = Engine::open("model.gguf");
//   Result<Session> session = engine->new_session();
//   Status read = session->feed("Once upon a time");
//   Result<Completion> answer = session->generate({.max_tokens = 64});
//
// A session is a list of tokens and a state that follows it. The tokens are the truth: where a
// state is lost, or a call was cancelled half way, the next call computes what is missing, and by
// law 1 the bits are those of an undisturbed run.
//
// Threading: one thread at a time uses an engine and all of its sessions. Session::cancel() alone
// may be called from any thread and from a signal handler. Sessions keep what they need of the
// engine alive; the order of destruction does not matter. A moved-from Engine or Session may only
// be assigned to or destroyed.
//
// Callbacks. Inside OnLogits no sequence can be used or changed: calls return kInvalidArgument, and
// a session destroyed there is given back afterwards. Inside OnText and OnProgress the same holds
// for the session that is at work, which must not be destroyed there; others may be used.
//
// Memory. Where it ends, a call that returns a Result or Status says kOutOfMemory and nothing is
// lost; Engine::tokenize, which returns neither, throws std::bad_alloc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eddy/result.h"
#include "eddy/types.h"

namespace eddy {

class Session;
struct GenerateRequest;

// Element types of the state. R is the recurrent state, S the short-convolution state.
enum class StateType { kF32, kF16, kBF16 };
// How elements of R that are not F32 are rounded at each token: to the nearest, or by chance to one
// of their two neighbours, to either as often as makes them right on average, so that what changes
// slowly changes at all. Chance follows from layer, position and element: the same tokens give the
// same bits.
enum class StateRounding { kNearest, kByChance };
// Element types of the keys and values that attention layers keep.
enum class KvType { kF32, kF16, kBF16, kQ8_0 };

struct EngineOptions {
  int n_threads = 0;                   // 0: one for each physical core; at most 256
  std::string isa = {};                // "": EDDY_ISA if set, else the best that the machine has
  StateType type_r = StateType::kF32;  // element type of R
  StateType type_s = StateType::kF32;  // element type of S
  StateRounding rounding_r = StateRounding::kNearest;
  KvType type_kv = KvType::kF16;  // element type of K and V
  bool offload = true;            // the state lies where its layer is computed
  std::uint32_t n_seq_max = 16;   // sessions that may live at a time, at least 1
  // Cells for states. 0: n_seq_max, and where sequences can be rewound two more for each: they hold
  // the earlier states that a rewinding begins from.
  std::uint32_t mem_size = 0;
  // Where cells are fewer than sessions: states of sessions that are not at work are put away, the
  // one unused for longest first, and come back when it is their turn. Else: kFull.
  bool parks = true;
  // The folder that they are put into, which belongs to one engine at a time and to parked states
  // alone; made if there is none, emptied when it is opened and as sessions come back or end. Not
  // synced: a session does not outlive its process (Session::save does). "": host memory.
  std::string park_folder = {};
  // Bytes of them, there or in host memory. Where that is too little the session that has waited
  // for longest loses its state: its next use reads its text again. Less than one state: none is
  // parked.
  std::uint64_t park_bytes_max = ~std::uint64_t{0};
  // Tokens that a session can take back without reading anything again, while there are cells and
  // log for it; a multiple of 32, or 0 for none. The log is memory that is used as tokens are read.
  std::uint32_t n_rewind = 64;
  std::uint64_t n_log_bytes_max = std::uint64_t{1} << 30;  // of all sessions together
  // Positions that attention layers keep, of all sessions together, at least 1; without such layers
  // it does not matter. On the host a position costs no memory before it is used.
  std::uint32_t kv_size = 32768;
  // Bytes of states that are kept by the tokens that led to them, for all sessions together, so
  // that a prompt which begins like an earlier one is not read again. Session checkpoints that
  // found no cell count too, and the others give way to them. 0: only these are kept.
  std::uint64_t prefix_cache_bytes = std::uint64_t{256} << 20;
  // Cells, beside those of mem_size, where the newest of these states stay: a session starts there
  // by sharing one, without a copy. 0: all are bytes in host memory.
  std::uint32_t prefix_cache_cells = 4;
  // How these states are packed: more of them fit, and storing and restoring each takes longer.
  // kInt16 and kInt8 give up the first law for restored prompts: what is answered then depends on
  // what was read before, by as little as docs/prefix-cache.md shows. Worth it where a prompt that
  // is not restored costs more than that, and states are too large for the memory there is.
  StateCodec prefix_cache_codec = StateCodec::kNone;
  std::uint32_t n_batch = 2048;  // tokens looked at in one step, at least 1
  std::uint32_t n_ubatch = 512;  // tokens computed at once, 1 .. n_batch
  // Told the loaded fraction, 0 .. 1, now and then; may be empty.
  std::function<void(double)> on_load = {};
};

// What was opened. Sizes are in bytes.
struct EngineInfo {
  std::string architecture;  // "mamba"
  std::string name;          // as the file says; may be empty
  std::int64_t n_layer = 0;
  std::int64_t n_embd = 0;
  std::int64_t n_vocab = 0;
  std::uint64_t n_parameters = 0;
  std::uint64_t n_weight_bytes = 0;
  std::uint64_t n_r_bytes = 0;       // R of one sequence, all layers
  std::uint64_t n_s_bytes = 0;       // S of one sequence, all layers
  std::uint64_t n_kv_bytes = 0;      // K and V of one position, all layers
  std::uint64_t n_log_bytes = 0;     // of the update log, one token, all layers; 0: none is kept
  std::uint64_t n_memory_bytes = 0;  // all cells and positions, as allocated
  std::uint32_t n_seq_max = 0;
  std::uint32_t mem_size = 0;  // cells
  int n_threads = 0;
  std::string isa = {};  // the instruction set in use
};

// What became of a prompt: n_tokens = the first max(n_own, n_restored), which were not read, and
// the rest, which was. Of the rest, n_known - max(n_own, n_restored) tokens are shared with
// something that was read before: n_refused of them because no cell, or no memory, was free for the
// state that was found, n_evicted because a state further on went to make room, and the others
// because no state was stored nearer.
struct PromptReport {
  enum class Tier { kNone, kCell, kHost };  // where a state was found

  Pos n_tokens = 0;    // the session's own and the new ones
  Pos n_own = 0;       // that its state had seen already
  Pos n_known = 0;     // shared with anything that was read before
  Pos n_restored = 0;  // that the state which was found had seen; 0: none was
  Tier tier = Tier::kNone;
  Pos n_refused = 0;
  Pos n_evicted = 0;
};

// Whose words begin.
enum class TurnKind : std::uint8_t { kPrompt, kAnswer };

struct Turn {
  Pos n_before = 0;  // tokens of the session before it
  TurnKind kind = TurnKind::kPrompt;

  bool operator==(const Turn&) const = default;
};

// Stored states, by the reason for which each was stored.
struct CacheKinds {
  std::uint64_t n_prompts = 0;   // where a prompt ended
  std::uint64_t n_answers = 0;   // where an answer ended
  std::uint64_t n_turns = 0;     // where a turn began (Session::mark_turn)
  std::uint64_t n_partings = 0;  // where two prompts parted
  std::uint64_t n_rungs = 0;     // on the way, at growing distances
};

// Since the engine was opened; the last four as they are now.
struct CacheStats {
  std::uint64_t n_prompts = 0;  // looked up
  std::uint64_t n_hits = 0;     // that found a state
  Pos n_tokens = 0;             // new ones of these prompts
  Pos n_known = 0;              // of them, shared with what was read before
  Pos n_restored = 0;           // of them, not read
  std::uint64_t n_stored = 0;   // states
  std::uint64_t n_evicted = 0;  // to make room
  std::uint64_t n_states = 0;
  std::uint64_t n_in_cells = 0;   // of them
  std::uint64_t n_bytes = 0;      // of states, and of what finds them
  std::uint64_t n_bytes_max = 0;  // what session checkpoints leave of prefix_cache_bytes
  CacheKinds kinds = {};          // of the states that there are
};

// The cells of an engine and what waits outside of them, as it is now. See StatePlace for each
// session's.
struct MemoryMap {
  std::uint32_t n_cells = 0;    // EngineInfo::mem_size and prefix_cache_cells
  std::uint32_t n_held = 0;     // by sessions
  std::uint32_t n_stored = 0;   // hold stored states that are no session's
  std::uint32_t n_earlier = 0;  // hold earlier states, to rewind from, until their cell is needed
  std::uint32_t n_parked = 0;   // sessions that wait
  std::uint64_t n_parked_bytes = 0;  // what they share counts once
  std::uint64_t n_pinned_bytes = 0;  // of session checkpoints that found no cell
};

// What a special token's text ("<|endoftext|>") means inside a text.
enum class Special {
  kAsText,  // nothing: it is split like any other text, so that data is never a command
  kParsed,  // the special token itself
};

struct TokenizeOptions {
  // The text begins a text: first come the tokens that do so by the model's habit (often none), and
  // SentencePiece's leading space. Otherwise it lies inside one, and detokenize is the exact
  // inverse.
  bool begin = false;
  Special special = Special::kAsText;
};

// A state that sessions begin with in place of zeros: what state tuning has made of an RWKV's.
// Immutable, cheap to copy, may outlive its engine.
class InitState {
 public:
  InitState() = default;  // zeros

  struct Impl;                                          // internal: src/engine/init_state.h
  explicit InitState(std::shared_ptr<const Impl> impl)  // internal
      : impl_(std::move(impl)) {}
  const Impl* impl() const { return impl_.get(); }  // internal; nullptr: zeros

 private:
  std::shared_ptr<const Impl> impl_;
};

struct SessionOptions {
  // What comes before the first token: also after reset(), and wherever the session is computed
  // anew. A session that was saved can be loaded into one with an equal state alone.
  InitState init_state = {};
  // Whose session it is: what one has read is restored for sessions of an equal salt alone, and
  // nobody else can tell from a PromptReport that it was read. Forks have it too.
  std::string salt = {};
};

// A model, its tokenizer, the threads that compute it and the memory of its sequences.
class Engine {
 public:
  // Opens a GGUF file (of a split model: its first part). kNotFound, kIo, kMalformed, kUnsupported:
  // the file; kInvalidArgument: options outside their ranges; kOutOfMemory. The park folder: kBusy
  // (another engine parks there), kInvalidArgument (it keeps other states), kNotFound (the folder
  // it lies in), kIo.
  static Result<Engine> open(const std::string& path, EngineOptions options = {});

  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  ~Engine();

  // An empty session. kFull when n_seq_max sessions live. kMismatch: an initial state that another
  // model's engine has read, or one with other element types. O(1).
  Result<Session> new_session(SessionOptions options = {});

  // A session from what Session::save() made: new_session() and Session::load(), with their errors.
  Result<Session> load(std::span<const std::byte> bytes, SessionOptions options = {});

  // Reads an initial state: a safetensors or GGUF file with "blocks.N.att.time_state" {n_head,
  // head_size, head_size} for every layer (src/models/init_state.h). kUnsupported: the model is no
  // RWKV, the file neither of the two, an element type; kMalformed: a missing, misshapen or
  // unexpected tensor; kNonFinite, also where type_r cannot hold a value; kNotFound, kIo.
  Result<InitState> read_init_state(const std::string& path) const;

  const EngineInfo& info() const;

  // What the prefix cache has done; zeros without one.
  CacheStats cache_stats() const;

  MemoryMap memory_map() const;

  // Receives the logits {n_vocab} that follow the token at position pos; returns whether to go on.
  using OnLogits = std::function<bool(Pos pos, std::span<const float> logits)>;

  // Reads tokens as a session of their own that ends with the call, and shows the logits after
  // each. kInvalidArgument (a token outside the vocabulary), kFull, kCancelled (on_logits returned
  // false), kNonFinite, or the error of a computation that failed. Uses n_ubatch * n_vocab floats
  // for as long as the engine lives. `options` as new_session().
  Status evaluate(std::span<const Token> tokens, const OnLogits& on_logits,
                  SessionOptions options = {});

  // Answers several sessions of this engine at a time: the weights are read once for a token of
  // each, so that many answers take little longer than one. Each result is that of
  // Session::feed(prompt) and Session::generate(), bit for bit, with their errors; a session that
  // fails or is cancelled does not disturb the others. Any number of requests: as many are computed
  // together as there are cells for (three for one that speculates) and n_batch, and the next one
  // begins when one has ended. Callbacks come from this call; a session whose answer is under way
  // must not be used in them. kInvalidArgument (as a result): no session, another engine's, or one
  // whose answer is under way. Where memory ends, what has not ended says kOutOfMemory.
  void generate(std::span<GenerateRequest> requests);

  // Text to tokens.
  std::vector<Token> tokenize(std::string_view text, const TokenizeOptions& options = {}) const;

  // Tokens to bytes. Special tokens are left out. A single token's bytes may end inside a code
  // point. kInvalidArgument: a token outside the vocabulary.
  Result<std::string> detokenize(std::span<const Token> tokens) const;

  struct Core;                                  // internal: src/engine/core.h
  explicit Engine(std::shared_ptr<Core> core);  // internal

 private:
  std::shared_ptr<Core> core_;
};

// How the next token is chosen from the logits. The steps run in the order of the fields, from
// logit_bias down; the defaults choose the most likely token (greedy). Deterministic: the random
// number for a token depends on seed and its position alone, so that a cancelled and continued
// answer is the undisturbed one. Of equal logits the lowest token id comes first.
struct SamplingParams {
  // Added to the logits: -1e6 .. 1e6, or -infinity to ban a token.
  std::vector<std::pair<Token, float>> logit_bias = {};
  std::int64_t penalty_last_n = 64;  // how many of the newest tokens are penalised; -1: all
  float repetition_penalty = 1;      // 0.01 .. 100; logits > 0 are divided by it, others multiplied
  float frequency_penalty = 0;       // -100 .. 100; subtracted for each time a token occurs
  float presence_penalty = 0;        // -100 .. 100; subtracted once from each that occurs
  std::int32_t top_k = 0;            // >= 0; keep the k most likely; 0: all
  float top_p = 1;                   // (0, 1]; keep the fewest that sum to top_p; 1: all
  float min_p = 0;                   // [0, 1]; drop those below min_p times the best; 0: none
  float temperature = 0;             // [0, 100]; logits are divided by it; 0: greedy
  std::uint64_t seed = 0;
};

class Session;

// Speculation: tokens are guessed ahead and checked together, which costs little more than one.
// The answer is the same, bit for bit, with any guesses and any sampling: a guess is accepted if it
// is what would have been chosen there. What was read in vain is taken back by the update log.
struct SpeculationParams {
  // Most tokens guessed at once, 0 .. 256, and no more than half of n_rewind; 0: none.
  std::int32_t max_draft = 0;
  // Guesses: of another engine's session, whose model has the same vocabulary (kMismatch: not of
  // the same size); without, what followed the last tokens when they stood in the text before. Used
  // while generate() runs, for one answer at a time (kInvalidArgument); sessions of one engine that
  // guess for answers computed together guess together. It must live, and be let alone, for as
  // long. Where it fails the answer goes on without it (Completion::drafts).
  Session* draft = nullptr;
};

struct GenerateParams {
  std::int64_t max_tokens = 256;  // >= 0
  // The answer ends before the one of these that is complete first. UTF-8, none empty.
  std::vector<std::string> stop = {};
  SamplingParams sampling = {};
  SpeculationParams speculation = {};
};

// Why an answer ended.
enum class StopReason {
  kEnd,         // the model said so (an end-of-generation token)
  kLength,      // max_tokens
  kStopString,  // one of GenerateParams::stop
  kCallback,    // on_text returned false
  kCancelled,   // cancel()
};

struct Completion {
  std::string text = {};        // whole code points; without stop string and special tokens
  std::int64_t n_tokens = 0;    // tokens added to the session
  std::int64_t n_drafted = 0;   // tokens guessed
  std::int64_t n_accepted = 0;  // and rightly
  StopReason reason = StopReason::kEnd;
  Status drafts = {};  // why the model that guessed stopped doing so; the answer went on without it
};

// What a session was at one moment, to go back to, or to begin from, as often as one likes. It
// needs no sequence, and holds a cell until that is needed; then the state's bytes in host memory.
// Where both end, it remains the text, which the next use reads again. Immutable, cheap to copy;
// keeps what it needs of its engine alive.
class SessionCheckpoint {
 public:
  std::span<const Token> tokens() const;

  struct Impl;                                                  // internal
  explicit SessionCheckpoint(std::shared_ptr<const Impl> impl)  // internal
      : impl_(std::move(impl)) {}
  const Impl* impl() const { return impl_.get(); }  // internal

 private:
  std::shared_ptr<const Impl> impl_;
};

// Where a session's state is.
struct StatePlace {
  enum class Kind {
    kNone,    // nothing was read yet, or it will be read again
    kCell,    // at work
    kParked,  // put away, see EngineOptions::parks
  };
  Kind kind = Kind::kNone;
  std::int32_t cell = -1;       // sessions of an engine with the same one share their state
  Pos n_tokens = 0;             // that have led to the state; the session's newest one waits
  std::uint64_t n_bytes = 0;    // of the state as it is parked
  std::uint32_t n_anchors = 0;  // earlier states, from which it can be rewound
  Pos n_rewind = 0;             // tokens of n_tokens that can be taken back without reading any
};

// One conversation. Owns its sequence in the engine's memory and gives it back when destroyed.
class Session {
 public:
  // Receives the next piece of the answer, whole code points, never a part of a stop string;
  // returns whether to go on; after a no it is not called again. Where generate() fails, the end of
  // the text that may still have become a stop string is not shown.
  using OnText = std::function<bool(std::string_view)>;

  // Told how much of what is fed is read, 0 .. 1, after each micro-batch.
  using OnProgress = std::function<void(double)>;

  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // Appends text or tokens and reads them. The first text begins a text (see TokenizeOptions);
  // tokens are taken as they are.
  // kCancelled: the tokens are appended; the next call reads what is left. Any other error
  // (kInvalidArgument: a token outside the vocabulary; kFull; kStateLost: a computation failed):
  // the session is as it was.
  Status feed(std::string_view text, Special special = Special::kAsText);
  Status feed(std::span<const Token> tokens, const OnProgress& on_progress = {});

  // A turn begins here. Where a prompt begins is a place that later prompts are likely to share,
  // such as the end of a system prompt or of an answer: a hint for what is stored. No bit of an
  // answer depends on it. A mark goes when the session is rewound to it; save() keeps it.
  void mark_turn(TurnKind kind = TurnKind::kPrompt);
  std::span<const Turn> turns() const;

  // What became of the tokens that were fed last; in OnProgress, what will of those that are fed.
  const PromptReport& last_prompt() const;

  // Answers: appends tokens until a reason to stop. All of them stay in the session, also the
  // token that ends the answer and those of a stop string. A code point that is unfinished at the
  // end is completed by the next call of generate, if nothing is fed between.
  // kInvalidArgument: params outside their ranges, or an empty session; nothing has changed.
  // kFull, kStateLost, kNonFinite (NaN or infinity in the logits): the answer so far stays, and a
  // later call computes anew what is missing.
  Result<Completion> generate(const GenerateParams& params, const OnText& on_text = {});

  // A second session with the same tokens and state, from here on independent. O(tokens) for the
  // list, O(1) for the state, which is shared until one of the two changes it. kFull.
  Result<Session> fork() const;

  // What the session is now. O(tokens) for the list, O(1) for the state, which is shared until the
  // session changes it. kInvalidArgument: inside a callback; kFull: it is parked, and there is no
  // room for it; kOutOfMemory.
  Result<SessionCheckpoint> checkpoint() const;

  // Makes the session what that one was, in O(tokens), and as far as its state is still in a cell
  // without a copy of it. kInvalidArgument: another engine's, or inside a callback; kMismatch: of a
  // session with another initial state or salt; kFull: its state left its cell, and there is no
  // room for it; kOutOfMemory. Then nothing has changed.
  Status restore(const SessionCheckpoint& checkpoint);

  // Takes back the last n_tokens tokens: the session is what it was before them. Within n_rewind
  // tokens of the end no weight is read: the recurrences of at most 2 n_rewind tokens are computed
  // again. Otherwise the next call reads again what is left, from a stored state if there is one.
  // kInvalidArgument: fewer than 0 tokens, or more than there are.
  Status rewind(Pos n_tokens);

  // All tokens of the session; valid until the session changes.
  std::span<const Token> tokens() const;
  Pos n_tokens() const;

  // Makes the running call, or the next one if none is running, stop between two micro-batches.
  // An answer that ends before it has heeded the request has ended: the next call is not stopped.
  void cancel() noexcept;

  // Puts the state away now, as EngineOptions::parks says, and frees its cell; the next use brings
  // it back, with equal bits. Forks that still share the state wait with it, each until its own
  // next use. kUnsupported: without EngineOptions::parks; kFull: no room where it would go;
  // kNonFinite; kOutOfMemory; kInvalidArgument: inside a callback. Then nothing has changed.
  Status park();

  StatePlace place() const;

  // Forgets all tokens, the state and a cancel() that nobody has heeded yet. Fails only inside a
  // callback (kInvalidArgument).
  Status reset();

  // The session as bytes, and back (src/engine/session_format.h). save: kNonFinite, kOutOfMemory,
  // kFull (it is parked, and there is no room for it);
  // into bytes of an earlier save it needs no new memory, and leaves none of them on an error.
  // load replaces tokens and state. kMalformed, kMismatch (another model, state type or version, or
  // another initial state, which the bytes name but do not hold), kNonFinite, kFull: nothing has
  // changed.
  Result<std::vector<std::byte>> save() const;
  Status save(std::vector<std::byte>& bytes) const;
  Status load(std::span<const std::byte> bytes);

  struct Impl;                                         // internal: src/engine/session.h
  explicit Session(std::unique_ptr<Impl> impl);        // internal
  Impl* impl() const noexcept { return impl_.get(); }  // internal

 private:
  std::unique_ptr<Impl> impl_;
};

// One of the answers of Engine::generate(), and what became of it.
struct GenerateRequest {
  Session* session = nullptr;
  std::vector<Token> prompt = {};  // fed when its turn comes
  GenerateParams params = {};
  Session::OnText on_text = {};
  // Told when the result is there; the session is idle then, and may be used or destroyed.
  std::function<void(GenerateRequest& request)> on_end = {};
  Result<Completion> result = Completion{};
};

}  // namespace eddy
