// The few calls of the operating system that eddy makes on files: the seam for fault injection.
//
// Each call is one system call: it may be interrupted or do a part only, as the real one. Whole
// reads and writes, retries and messages are the matter of MappedFile and AtomicFile.
//
// Threading: safe from all threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "eddy/result.h"

namespace eddy {

// A count or a descriptor; below 0 the negative errno.
using SysResult = std::int64_t;

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // A descriptor of an existing file or folder. Never waits (for the other end of a pipe).
  virtual SysResult open_to_read(const std::string& path) = 0;
  // A descriptor of a new file; -EEXIST if there is one. mode is the file's, less the umask.
  virtual SysResult create(const std::string& path, unsigned mode) = 0;
  virtual SysResult close(int fd) = 0;

  // Bytes of a regular file; -EISDIR or -EINVAL for what is none.
  virtual SysResult size(int fd) = 0;
  // Bytes written, from 0 to bytes.size().
  virtual SysResult write(int fd, std::span<const std::byte> bytes) = 0;
  virtual SysResult sync(int fd) = 0;

  virtual SysResult rename(const std::string& from, const std::string& to) = 0;
  virtual SysResult remove(const std::string& path) = 0;

  // A new folder; -EEXIST if there is anything of that name. mode as of create().
  virtual SysResult make_folder(const std::string& path, unsigned mode) = 0;
  // Appends the names of what is in a folder, in no order, without "." and "..".
  virtual SysResult list(const std::string& path, std::vector<std::string>& names) = 0;
  // Locks a file until its descriptor is closed, also by the end of the process; -EWOULDBLOCK if
  // another descriptor, of this process or another, holds the lock. Never waits.
  virtual SysResult lock(int fd) = 0;

  // The first n_bytes > 0 of a file as read-only memory, until unmap().
  virtual SysResult map(int fd, std::size_t n_bytes, const std::byte** address) = 0;
  virtual void unmap(std::span<const std::byte> bytes) = 0;
  // A hint that the bytes will be wanted soon.
  virtual void prefetch(std::span<const std::byte> bytes) = 0;
};

// The operating system's.
FileSystem& posix_file_system();

// Whether bytes of a mapping are in memory, as far as a page of each mebibyte tells: to ask for all
// pages, or to have all read ahead that are there, takes as long as to read a tenth of them.
bool seems_in_memory(std::span<const std::byte> bytes);

// Brings bytes of a mapping from the disk into memory, and waits until they are there.
void populate(std::span<const std::byte> bytes);

// Brings bytes of a mapping that are in memory into this process's tables. Linux maps sixteen pages
// with the one that was asked for, which takes a third of populate()'s time.
void touch(std::span<const std::byte> bytes);

// "path: cannot open: No such file or directory" for a negative errno. kNotFound, kOutOfMemory or
// kIo.
Error file_error(const std::string& path, const char* what, SysResult failure);

}  // namespace eddy
