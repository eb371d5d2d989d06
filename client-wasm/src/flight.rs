//! One request at a time per key, however many ask.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

/// A result that several tasks wait for.
#[derive(Debug)]
struct Flight<T>(RefCell<State<T>>);

#[derive(Debug)]
enum State<T> {
    Flying(Vec<Waker>),
    Landed(T),
}

/// The requests under way. A request goes on when those who asked have gone, so that one caller's abort is not
/// another's; its result is not kept: a cache is another matter.
#[derive(Debug)]
pub(crate) struct Flights<T> {
    under_way: Rc<RefCell<BTreeMap<String, Rc<Flight<T>>>>>,
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self { under_way: Rc::default() }
    }
}

impl<T: Clone + 'static> Flights<T> {
    /// The result of the request under way for this key, or of a new one.
    pub(crate) fn join<F, S>(&self, key: &str, start: S) -> impl Future<Output = T> + use<T, F, S>
    where
        S: FnOnce() -> F,
        F: Future<Output = T> + 'static,
    {
        let known = self.under_way.borrow().get(key).cloned();
        let flight = known.unwrap_or_else(|| {
            let flight = Rc::new(Flight(RefCell::new(State::Flying(Vec::new()))));
            self.under_way.borrow_mut().insert(key.to_owned(), Rc::clone(&flight));
            let (landing, all, key, request) =
                (Rc::clone(&flight), Rc::clone(&self.under_way), key.to_owned(), start());
            wasm_bindgen_futures::spawn_local(async move {
                let result = request.await;
                // A flight that was grounded meanwhile may have a successor under the same key: that one stays.
                all.borrow_mut().retain(|name, other| *name != key || !Rc::ptr_eq(other, &landing));
                if let State::Flying(waiting) = landing.0.replace(State::Landed(result)) {
                    waiting.into_iter().for_each(Waker::wake);
                }
            });
            flight
        });
        poll_fn(move |context| match &mut *flight.0.borrow_mut() {
            State::Landed(result) => Poll::Ready(result.clone()),
            State::Flying(waiting) => {
                waiting.push(context.waker().clone());
                Poll::Pending
            }
        })
    }

    /// Nobody joins the requests under way any more; those who have joined get their results.
    pub(crate) fn ground(&self) {
        self.under_way.borrow_mut().clear();
    }
}
