#pragma once
// Makes and checks the keys of encrypted sums. Either takes a processor for seconds or minutes, so
// that it is done on a thread of its own, one key at a time, and reconciles go on meanwhile.
// Namespaces take turns, so that one with many trainings does not keep the others waiting. On the
// strand of the executor; only the work itself is on the other thread.
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>

#include "common/base/error.hpp"
#include "common/crypto/secret.hpp"
#include "common/k8s/object.hpp"

namespace genesis::control {

class PaillierKeys {
 public:
  /// Returns a key file with a modulus of that many bits.
  using Generate = std::function<Result<crypto::Secret>(unsigned bits)>;

  /// Without `generate`, keys are PaillierKey's.
  explicit PaillierKeys(boost::asio::any_io_executor executor, Generate generate = {});
  /// Waits for the work under way, which cannot be interrupted.
  ~PaillierKeys();
  PaillierKeys(const PaillierKeys&) = delete;
  PaillierKeys& operator=(const PaillierKeys&) = delete;

  /// Called on the executor whenever the work for that training is done.
  void on_done(std::function<void(const k8s::ObjectKey& training)> handler);

  /// Begins to make the key of the training with that uid, unless it was begun before.
  void make(const k8s::ObjectKey& training, const std::string& uid, unsigned bits);
  [[nodiscard]] bool is_making(const std::string& uid) const;
  /// The key file, or why there is none; null before that is known.
  [[nodiscard]] const Result<crypto::Secret>* made(const std::string& uid) const;

  /// Begins to check the text of a key file, unless it was begun before: the first check of a
  /// training counts until it is forgotten. Goes before keys that are still to be made.
  void check(const k8s::ObjectKey& training,
             const std::string& uid,
             crypto::Secret text,
             unsigned least_bits);
  [[nodiscard]] bool is_checking(const std::string& uid) const;
  /// What is wrong with it, "" if nothing; nothing before that is known.
  [[nodiscard]] std::optional<std::string> checked(const std::string& uid) const;

  /// Drops what is known of the training, and what is still to be done for it.
  void forget(const std::string& uid);
  /// Whether the thread is at work.
  [[nodiscard]] bool is_busy() const { return is_busy_; }

 private:
  using Answer = Result<crypto::Secret>;
  struct Work {
    k8s::ObjectKey training;
    std::string uid;
    bool is_check = false;
    std::function<Answer()> run;
  };
  struct Question {
    bool is_asked = false;
    std::optional<Answer> answer;
  };
  struct Known {  // of one training
    Question made;
    Question checked;
  };
  [[nodiscard]] Work take_next();  // of those that wait, of which there is one
  void start_next();
  void finish(const Work& work, Answer answer);

  boost::asio::any_io_executor executor_;
  Generate generate_;
  std::function<void(const k8s::ObjectKey&)> handler_;
  std::deque<Work> waiting_;            // in the order in which it was asked for
  std::string last_checked_;            // the namespace whose turn it was last
  std::string last_made_;               // likewise
  std::map<std::string, Known> known_;  // by the training's uid
  bool is_busy_ = false;
  boost::asio::thread_pool thread_{1};  // last: its work refers to the rest
};

}  // namespace genesis::control
