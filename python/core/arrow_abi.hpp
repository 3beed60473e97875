#pragma once
// Arrow's C data interface and C stream interface, as other libraries of a process pass tables:
// https://arrow.apache.org/docs/format/CDataInterface.html and CStreamInterface.html. Whoever holds
// a struct calls its `release` once, which makes that null.
#include <cstdint>

extern "C" {

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  std::int64_t flags;
  std::int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  std::int64_t length;
  std::int64_t null_count;  // -1: not known
  std::int64_t offset;
  std::int64_t n_buffers;
  std::int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};

struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema* out);
  int (*get_next)(ArrowArrayStream*, ArrowArray* out);  // a released one at the end
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};

}  // extern "C"

namespace genesis::python {

inline constexpr std::int64_t kArrowNullable = 2;  // flag of a schema

/// One of the three, which is released with it.
template <typename T>
class Released {
 public:
  Released() = default;
  Released(const Released&) = delete;
  Released& operator=(const Released&) = delete;
  ~Released() {
    if (value_.release != nullptr) {
      value_.release(&value_);
    }
  }
  /// Takes over what `from` holds.
  void take(T& from) {
    value_ = from;
    from.release = nullptr;
  }
  [[nodiscard]] T* get() { return &value_; }
  [[nodiscard]] bool is_empty() const { return value_.release == nullptr; }
  T* operator->() { return &value_; }
  T& operator*() { return value_; }

 private:
  T value_{};
};

}  // namespace genesis::python
