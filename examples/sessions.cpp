// What one can do with a conversation: go back, keep a moment, save and load.
#include <eddy/engine.h>

#include <cstdio>
#include <string_view>

namespace {

bool ask(eddy::Session& session, std::string_view question) {
  if (!session.feed(question)) return false;
  const auto answer = session.generate({.max_tokens = 32, .stop = {"\n"}});
  if (answer) std::printf("%s\n", answer->text.c_str());
  return answer.ok();
}

}  // namespace

int main(int argc, char** argv) {
  auto engine = eddy::Engine::open(argc > 1 ? argv[1] : "data/tinyworld.gguf");
  if (!engine) return std::fprintf(stderr, "%s\n", engine.error().message.c_str()), 1;
  auto session = engine->new_session();
  if (!session ||
      !session->feed("Anna was in the hall. Ben was in the hall. Anna took the lamp.\n")) {
    return 1;
  }
  const auto before = session->checkpoint();  // as many as one likes: they need no session
  if (!before || !ask(*session, "Who has the lamp?")) return 1;

  // What was said last is taken back, without reading a weight.
  const eddy::Pos n_said = session->n_tokens();
  if (!session->feed("\nAnna gave the lamp to Ben.")) return 1;
  if (!session->rewind(session->n_tokens() - n_said)) return 1;
  if (!ask(*session, "\nWho has the lamp?")) return 1;

  // Another tale from the same moment.
  if (!session->restore(*before)) return 1;
  if (!ask(*session, "Anna gave the lamp to Ben.\nWho has the lamp?")) return 1;

  // Later, in another process with the same model file.
  const auto bytes = session->save();
  if (!bytes) return 1;
  auto later = engine->load(*bytes);
  if (!later || !ask(*later, "\nWho has the lamp?")) return 1;
}
