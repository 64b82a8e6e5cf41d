// Writes a file so that its path names the old content or the whole new one, at every moment, also
// after a crash or a power cut.
//
//   EDDY_TRY_ASSIGN(AtomicFile file, AtomicFile::create(fs, path));
//   EDDY_TRY(file.write(header));
//   EDDY_TRY(file.write(data));
//   EDDY_TRY(file.commit());
//
// The bytes go to a temporary file beside the path; commit() syncs it, renames it over the path and
// syncs the folder. Without a successful commit the temporary file is removed.
//
// Threading: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/file_system.h"
#include "eddy/result.h"

namespace eddy {

inline constexpr unsigned kPublicMode = 0666;   // whatever the umask leaves
inline constexpr unsigned kPrivateMode = 0600;  // for what holds people's text: states, sessions

// What something that was written outlives.
enum class Outlives : std::uint8_t {
  kPowerCut,  // it is synced
  kProcess,   // the end of the process, however it ends; nothing waits for the disk
};

class AtomicFile {
 public:
  // kNotFound: no such folder; kIo. fs outlives the AtomicFile.
  static Result<AtomicFile> create(FileSystem& fs, const std::string& path,
                                   unsigned mode = kPublicMode);

  ~AtomicFile();
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;

  // Appends. kIo; then nothing but the destructor may be called.
  Status write(std::span<const std::byte> bytes);

  // Makes the path name the new content. After an error the path names the old content, except when
  // the last step failed, the folder's sync: then it names the new content, which a power cut may
  // still undo. With kProcess nothing is synced, and a power cut may leave any content.
  Status commit(Outlives outlives = Outlives::kPowerCut);

 private:
  AtomicFile(FileSystem& fs, std::string path, std::string temporary, int fd)
      : fs_(fs), path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}

  Status close();

  FileSystem& fs_;
  std::string path_;
  std::string temporary_;  // empty once there is no temporary file to remove
  int fd_;                 // -1 once closed
};

// All of it in one call.
Status atomic_write_file(FileSystem& fs, const std::string& path, std::span<const std::byte> bytes,
                         unsigned mode = kPublicMode);

// The folder that a path lies in.
std::string folder_of(const std::string& path);

// Makes what was created, renamed and removed in the folder safe from a power cut. kNotFound, kIo.
Status sync_folder(FileSystem& fs, const std::string& folder);

}  // namespace eddy
