"""Values of CRM columns: conversion, canonical text, limits, lookups."""
